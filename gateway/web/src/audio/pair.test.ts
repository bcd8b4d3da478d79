import { signal } from "@preact/signals";
import { describe, expect, it, vi } from "vitest";
import { createPair, type Pair, type Side } from "./pair.ts";
import type { Player, Source } from "./player.ts";
import { initialState, isActive, type PlayerEvent, step } from "./player_state.ts";

const LENGTH = 4;

type Scripted = Player & { happens(...events: PlayerEvent[]): void };

/** A player whose events the test sends. */
function scripted(source: Source): Scripted {
  const state = signal(initialState(LENGTH));
  const happens = (...events: PlayerEvent[]) => {
    state.value = events.reduce(step, state.value);
  };
  const player: Scripted = {
    source,
    state,
    position: signal(0),
    happens,
    load: () => happens({ type: "load" }),
    retry: vi.fn(),
    play: () => happens({ type: "play" }, { type: "playing" }),
    pause: () => happens({ type: "pause" }),
    toggle: () => (isActive(state.value) ? player.pause() : player.play()),
    seek: () => undefined,
    rewind: () => happens({ type: "pause" }, { type: "seek", to: 0 }),
    dispose: () => undefined,
  };
  return player;
}

function make(): { pair: Pair; a: Scripted; b: Scripted } {
  const made: Scripted[] = [];
  const pair = createPair({ a: { url: "/a" }, b: { url: "/b" } }, (source) => {
    const player = scripted(source);
    made.push(player);
    return player;
  });
  const [a, b] = made as [Scripted, Scripted];
  return { pair, a, b };
}

function loaded(): ReturnType<typeof make> {
  const all = make();
  all.pair.load();
  all.a.happens({ type: "ready" });
  all.b.happens({ type: "ready" });
  return all;
}

function hear({ pair, a, b }: ReturnType<typeof make>, side: Side): void {
  pair.toggle(side);
  (side === "a" ? a : b).happens({ type: "time", at: LENGTH }, { type: "ended" });
}

describe("a pair of clips", () => {
  it("is offered once both have arrived, in whatever order", () => {
    const { pair, a, b } = make();
    pair.load();
    b.happens({ type: "ready" });
    a.happens({ type: "progress", loaded: 0.5 });
    expect([pair.state.value.ready, pair.state.value.loaded]).toEqual([false, 0.75]);
    pair.toggle("b");
    expect(pair.state.value.playing).toBeUndefined();
    a.happens({ type: "ready" });
    expect(pair.state.value.ready).toBe(true);
  });

  it.each([
    ["a", "b"],
    ["b", "a"],
  ] as const)("is heard after %s and then %s", (first, second) => {
    const all = loaded();
    hear(all, first);
    const heard = () => [all.pair.state.value.heardA, all.pair.state.value.heardB];
    expect(heard().filter(Boolean)).toHaveLength(1);
    hear(all, second);
    expect(heard()).toEqual([true, true]);
  });

  it("is not heard if a clip was left before its end", () => {
    const all = loaded();
    hear(all, "a");
    all.pair.toggle("b");
    all.b.happens({ type: "time", at: 2 });
    all.pair.toggle("a");
    expect(all.pair.state.value.heardB).toBe(false);
  });

  it("starts the other side from its start after a switch", () => {
    const { pair, a, b } = loaded();
    pair.toggle("a");
    a.happens({ type: "time", at: 2 });
    pair.toggle("b");
    expect([a.state.value.position, a.state.value.phase, b.state.value.phase]).toEqual([0, "ready", "playing"]);
    expect(pair.state.value.playing).toBe("b");
  });

  it("pauses and goes on with the same side", () => {
    const { pair, a } = loaded();
    pair.toggle("a");
    a.happens({ type: "time", at: 2 });
    pair.toggle("a");
    pair.toggle("a");
    expect([a.state.value.position, a.state.value.phase]).toEqual([2, "playing"]);
  });

  it("loads again only what failed", () => {
    const { pair, a, b } = loaded();
    b.happens({ type: "fail", failure: "network" });
    expect([pair.state.value.ready, pair.state.value.failure]).toEqual([false, "network"]);
    pair.retry();
    expect(b.retry).toHaveBeenCalledOnce();
    expect(a.retry).not.toHaveBeenCalled();
  });
});
