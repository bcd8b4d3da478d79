import { describe, expect, it } from "vitest";
import { initialState, type PlayerEvent, type PlayerState, step } from "./player_state.ts";

const LENGTH = 4;

function stateAfter(...events: PlayerEvent[]): PlayerState {
  return events.reduce(step, initialState(LENGTH));
}

const loaded: PlayerEvent[] = [{ type: "load" }, { type: "ready" }];
const started: PlayerEvent[] = [...loaded, { type: "play" }, { type: "playing" }];
const time = (at: number): PlayerEvent => ({ type: "time", at });
const seek = (to: number): PlayerEvent => ({ type: "seek", to });

describe("a player", () => {
  it("can't play before it is ready", () => {
    expect(stateAfter({ type: "load" }, { type: "play" }).phase).toBe("loading");
    expect(stateAfter({ type: "load" }, { type: "progress", loaded: 0.5 }).loaded).toBe(0.5);
  });

  it("buffers until the first sound, plays, pauses and goes on", () => {
    expect(stateAfter(...loaded, { type: "play" }).phase).toBe("buffering");
    expect(stateAfter(...started).phase).toBe("playing");
    const paused = stateAfter(...started, time(1.5), { type: "pause" });
    expect([paused.phase, paused.position]).toEqual(["paused", 1.5]);
    expect(step(paused, { type: "play" }).position).toBe(1.5);
  });

  it("shows that the data ran out, and keeps what was heard", () => {
    const waiting = stateAfter(...started, time(1), { type: "waiting" });
    expect([waiting.phase, waiting.heard]).toEqual(["buffering", [{ from: 0, to: 1 }]]);
  });

  it("was heard in full once it has ended", () => {
    const events: PlayerEvent[] = [...started, time(2), time(3.9)];
    expect(stateAfter(...events.slice(0, -1)).heardInFull).toBe(false);
    const ended = stateAfter(...events, { type: "ended" });
    expect([ended.phase, ended.position, ended.heardInFull]).toEqual(["ended", LENGTH, true]);
  });

  it("was not heard in full if a part was skipped", () => {
    const skipped = stateAfter(...started, time(1), seek(3), time(3.9), { type: "ended" });
    expect([skipped.phase, skipped.heardInFull]).toEqual(["ended", false]);
    expect(skipped.heard).toEqual([
      { from: 0, to: 1 },
      { from: 3, to: LENGTH },
    ]);
  });

  it("was heard in full if the skipped part was played later", () => {
    const skipped = stateAfter(...started, time(1), seek(3), time(3.9), { type: "ended" });
    const repaired = [seek(0.5), { type: "play" } as const, { type: "playing" } as const, time(3.1)].reduce(
      step,
      skipped,
    );
    expect(repaired.heardInFull).toBe(true);
  });

  it("plays again from the start after its end, and stays heard", () => {
    const again = stateAfter(...started, time(3.9), { type: "ended" }, { type: "play" });
    expect([again.phase, again.position, again.heardInFull]).toEqual(["buffering", 0, true]);
  });

  it("stays within its length when somebody seeks", () => {
    expect(stateAfter(...loaded, seek(99)).position).toBe(LENGTH);
    expect(stateAfter(...loaded, seek(-1)).position).toBe(0);
    expect(stateAfter({ type: "load" }, seek(2)).position).toBe(0);
  });

  it("says why it failed, and goes on where it was after a retry", () => {
    const failed = stateAfter(...started, time(2), { type: "fail", failure: "network" });
    expect([failed.phase, failed.failure, failed.position]).toEqual(["failed", "network", 2]);
    const retried = [{ type: "load" } as const, { type: "ready" } as const].reduce(step, failed);
    expect([retried.phase, retried.failure, retried.position]).toEqual(["paused", undefined, 2]);
  });

  it("ignores a pause that comes with the end", () => {
    expect(stateAfter(...started, { type: "ended" }, { type: "pause" }).phase).toBe("ended");
  });

  it("ignores a length that is not known", () => {
    expect(stateAfter({ type: "duration", seconds: Number.POSITIVE_INFINITY }).duration).toBe(LENGTH);
    expect(stateAfter({ type: "duration", seconds: 7 }).duration).toBe(7);
  });
});
