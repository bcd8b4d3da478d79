import { create } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  CastListeningVoteResponseSchema,
  JoinListeningResponseSchema,
  NextListeningPairResponseSchema,
} from "../../../gen/voicearena/experiments/v1/listening_service_pb.js";
import { store } from "../../app/stored.ts";
import { storedSession } from "../../comparison/voter.ts";
import { type Transport, transport } from "../../rpc/client.ts";
import { ApiError, Code } from "../../rpc/errors.ts";
import { createListening } from "./listening.ts";
import { tokenOf } from "./token.ts";

const TOKEN = "t".repeat(64);
const unary = vi.fn();
const joined = (sessionToken = "") => create(JoinListeningResponseSchema, { listener: "lsn", sessionToken });
const pair = (id: string, votesGiven: number, pairsLeft: number) =>
  create(NextListeningPairResponseSchema, { pair: { id }, progress: { votesGiven, pairsLeft, open: true } });
const over = (open: boolean) =>
  create(NextListeningPairResponseSchema, { progress: { votesGiven: 2, pairsLeft: 0, open } });
const badLink = (message: string) => new ApiError(Code.UNAUTHENTICATED, message, { reason: "CREDENTIALS_INVALID" });

beforeEach(() => {
  unary.mockReset();
  transport.value = { unary, stream: vi.fn() } as unknown as Transport;
  store("browser", "voter_session", undefined);
});

describe("the token of a listening link", () => {
  it.each([
    [`#${TOKEN}`, TOKEN],
    [`#/listen/${TOKEN}`, TOKEN],
    ["", ""],
    ["#main/1", ""],
  ])("is the fragment of %s", (hash, token) => {
    expect(tokenOf(hash)).toBe(token);
  });
});

describe("a listener", () => {
  it("joins, keeps the session, and gets a pair", async () => {
    unary.mockResolvedValueOnce(joined("vt_1")).mockResolvedValueOnce(pair("pai_1", 0, 2));
    const listening = createListening(TOKEN);
    await listening.next();
    expect(listening.state.value).toMatchObject({ phase: "open", pair: { id: "pai_1" }, busy: false });
    expect(storedSession()).toBe("vt_1");
    expect(unary.mock.calls.map(([method, request]) => [method.name, request.token])).toEqual([
      ["JoinListening", TOKEN],
      ["NextListeningPair", TOKEN],
    ]);
  });

  it("votes and gets the next pair, until nothing is left", async () => {
    unary
      .mockResolvedValueOnce(joined())
      .mockResolvedValueOnce(pair("pai_1", 1, 1))
      .mockResolvedValueOnce(create(CastListeningVoteResponseSchema, {}))
      .mockResolvedValueOnce(over(true));
    const listening = createListening(TOKEN);
    await listening.next();
    await listening.vote("tie");
    expect(unary.mock.calls[2]?.[1]).toMatchObject({ token: TOKEN, listener: "lsn", pairId: "pai_1", answer: 3 });
    expect(listening.state.value).toMatchObject({ phase: "done", progress: { votesGiven: 2, open: true } });
  });

  it("joins without a session that has ended, so that the link is not blamed for it", async () => {
    store("browser", "voter_session", "vt_old");
    unary
      .mockRejectedValueOnce(badLink("The session has ended."))
      .mockResolvedValueOnce(joined("vt_2"))
      .mockResolvedValueOnce(pair("pai_1", 0, 1));
    const listening = createListening(TOKEN);
    await listening.next();
    expect(unary.mock.calls.slice(0, 2).map(([, , { credential }]) => credential)).toEqual(["vt_old", null]);
    expect([listening.state.value.phase, storedSession()]).toEqual(["open", "vt_2"]);
  });

  it("learns why a link can't be used, at the start and while listening", async () => {
    unary.mockRejectedValueOnce(badLink("This listening link has expired."));
    const expired = createListening(TOKEN);
    await expired.next();
    expect(expired.state.value).toEqual({ phase: "bad_link", message: "This listening link has expired." });
    unary
      .mockResolvedValueOnce(joined())
      .mockResolvedValueOnce(pair("pai_1", 0, 1))
      .mockRejectedValueOnce(badLink("This listening link was revoked."));
    const revoked = createListening(TOKEN);
    await revoked.next();
    await revoked.vote("a");
    expect(revoked.state.value).toEqual({ phase: "bad_link", message: "This listening link was revoked." });
  });

  it("keeps the pair after a vote that came too early, and ends it once the test is closed", async () => {
    const refused = (status: string) =>
      new ApiError(Code.ABORTED, status, { reason: "WRONG_STATE", metadata: { status } });
    unary
      .mockResolvedValueOnce(joined())
      .mockResolvedValueOnce(pair("pai_1", 0, 1))
      .mockRejectedValueOnce(refused("not_heard"))
      .mockRejectedValueOnce(refused("closed"));
    const listening = createListening(TOKEN);
    await listening.next();
    await listening.vote("a");
    expect(listening.state.value).toMatchObject({ phase: "open", refusal: { message: "not_heard" } });
    await listening.vote("a");
    await listening.vote("a");
    expect(unary).toHaveBeenCalledTimes(4);
  });

  it("can retry what failed for another reason, as the same listener", async () => {
    unary
      .mockResolvedValueOnce(joined())
      .mockRejectedValueOnce(new ApiError(Code.UNAVAILABLE, "down"))
      .mockResolvedValueOnce(pair("pai_1", 0, 1));
    const listening = createListening(TOKEN);
    await listening.next();
    expect(listening.state.value).toMatchObject({ phase: "failed", error: { message: "down" } });
    await listening.next();
    expect(listening.state.value.phase).toBe("open");
    expect(unary.mock.calls.filter(([method]) => method.name === "JoinListening")).toHaveLength(1);
  });
});
