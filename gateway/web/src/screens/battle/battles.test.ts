import { create } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  NextBattleResponseSchema,
  VoteInBattleResponseSchema,
} from "../../../gen/voicearena/elo/v1/battle_service_pb.js";
import { readStored, store } from "../../app/stored.ts";
import { effort } from "../../comparison/pause.ts";
import { storeSession } from "../../comparison/voter.ts";
import { isDemo } from "../../demo/state.ts";
import { type Transport, transport } from "../../rpc/client.ts";
import { ApiError, Code } from "../../rpc/errors.ts";
import { ANSWERED, createBattles } from "./battles.ts";

const ANY = { category: "", language: "" };
const unary = vi.fn();
const battle = (battleId: string) => create(NextBattleResponseSchema, { battleId, text: "Hello." });
const refused = (status: string) =>
  new ApiError(Code.ABORTED, `It is ${status}.`, { reason: "WRONG_STATE", metadata: { status } });

beforeEach(() => {
  unary.mockReset();
  transport.value = { unary, stream: vi.fn() } as unknown as Transport;
  storeSession("vt_1");
  store("browser", ANSWERED, undefined);
});

async function open() {
  unary.mockResolvedValueOnce(battle("bat_1"));
  const battles = createBattles();
  await battles.next(ANY);
  return battles;
}

describe("the battles of a visitor", () => {
  it("begin with what the visitor wants to hear, in the visitor's session", async () => {
    unary.mockResolvedValueOnce(battle("bat_1"));
    const battles = createBattles();
    await battles.next({ category: "medical", language: "en" });
    expect(unary.mock.calls[0]?.[1]).toMatchObject({ category: "medical", language: "en", ownBoard: false });
    expect(unary.mock.calls[0]?.[2]).toMatchObject({ credential: "vt_1" });
    expect(battles.state.value).toMatchObject({ phase: "open", battle: { battleId: "bat_1" } });
  });

  it("wait as long as the server says while none is ready", async () => {
    vi.useFakeTimers();
    const notReady = { reason: "NOT_READY", metadata: { retry_after_seconds: "7" } };
    unary
      .mockRejectedValueOnce(new ApiError(Code.UNAVAILABLE, "Not yet.", notReady))
      .mockResolvedValueOnce(battle("bat_1"));
    const battles = createBattles();
    void battles.next(ANY);
    await vi.advanceTimersByTimeAsync(0);
    expect(battles.state.value).toEqual({ phase: "waiting", message: "Not yet.", seconds: 7 });
    await vi.advanceTimersByTimeAsync(6999);
    expect(unary).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(1);
    expect(battles.state.value.phase).toBe("open");
    vi.useRealTimers();
  });

  it("show the answer to another wish, not the one that comes late", async () => {
    let late: (value: unknown) => void = () => undefined;
    unary
      .mockImplementationOnce(() => new Promise((resolve) => (late = resolve)))
      .mockResolvedValueOnce(battle("bat_2"));
    const battles = createBattles();
    const first = battles.next(ANY);
    await battles.next({ category: "medical", language: "" });
    late(battle("bat_1"));
    await first;
    expect(battles.state.value).toMatchObject({ battle: { battleId: "bat_2" } });
  });

  it("reveal who spoke with the vote, and tell other tabs", async () => {
    const votes = effort.value.votes;
    const battles = await open();
    unary.mockResolvedValueOnce(create(VoteInBattleResponseSchema, { votesCast: 3 }));
    await battles.vote("both_bad");
    expect(unary.mock.calls[1]?.[1]).toMatchObject({ id: "bat_1", winner: 4 });
    expect(battles.state.value).toMatchObject({ phase: "revealed", answer: "both_bad", reveal: { votesCast: 3 } });
    expect(readStored("browser", ANSWERED)).toBe("bat_1");
    expect(effort.value.votes).toBe(votes + 1);
  });

  it("take one vote at a time", async () => {
    const battles = await open();
    unary.mockResolvedValueOnce(create(VoteInBattleResponseSchema, {}));
    await Promise.all([battles.vote("a"), battles.vote("b")]);
    expect(unary).toHaveBeenCalledTimes(2);
  });

  it("keep the battle after a vote that came too early, and take it later", async () => {
    const battles = await open();
    unary.mockRejectedValueOnce(refused("not_heard")).mockResolvedValueOnce(create(VoteInBattleResponseSchema, {}));
    await battles.vote("a");
    expect(battles.state.value).toMatchObject({ phase: "open", busy: false, refusal: { message: "It is not_heard." } });
    await battles.vote("a");
    expect(battles.state.value.phase).toBe("revealed");
  });

  it.each(["void", "decided", "answered"])("take no second vote once the server says %s", async (status) => {
    const battles = await open();
    unary.mockRejectedValueOnce(refused(status));
    await battles.vote("a");
    await battles.vote("b");
    expect(unary).toHaveBeenCalledTimes(2);
    expect(battles.state.value).toMatchObject({ phase: "open", refusal: { message: `It is ${status}.` } });
  });

  it("end without a vote if the battle becomes void, and only the one that is shown", async () => {
    const battles = await open();
    battles.end("bat_0", "another one");
    expect(battles.state.value).toMatchObject({ phase: "open" });
    expect(battles.state.value).not.toHaveProperty("ended");
    battles.end("bat_1", "It is void.");
    expect(battles.state.value).toMatchObject({ ended: "It is void." });
    await battles.vote("a");
    expect(unary).toHaveBeenCalledOnce();
  });

  it("stay while the server is away, and demo battles go when it is back", async () => {
    const battles = await open();
    isDemo.value = true;
    await battles.reconnect(ANY);
    expect(unary).toHaveBeenCalledOnce();
    unary.mockResolvedValueOnce(battle("bat_demo"));
    await battles.next(ANY);
    isDemo.value = false;
    unary.mockResolvedValueOnce(battle("bat_1"));
    await battles.reconnect(ANY);
    expect(battles.state.value).toMatchObject({ battle: { battleId: "bat_1" } });
  });

  it("say why none can be had", async () => {
    unary.mockRejectedValueOnce(new ApiError(Code.RESOURCE_EXHAUSTED, "Too many.", { reason: "RATE_LIMITED" }));
    const battles = createBattles();
    await battles.next(ANY);
    expect(battles.state.value).toMatchObject({ phase: "failed", error: { message: "Too many." } });
  });
});
