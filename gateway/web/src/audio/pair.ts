// Two players for a blind comparison. Both clips are offered together, so that the time to load tells nothing, and each
// must be heard in full once, in any order.

import { computed, type ReadonlySignal } from "@preact/signals";
import type { Failure } from "./failure.ts";
import { createPlayer, type Player, type Source } from "./player.ts";
import { isActive } from "./player_state.ts";

export type Side = "a" | "b";
export const SIDES: readonly Side[] = ["a", "b"];

export interface PairState {
  /** Whether both clips have arrived. */
  readonly ready: boolean;
  /** The share of both that has arrived, 0 to 1. */
  readonly loaded: number;
  /** The side that plays. */
  readonly playing: Side | undefined;
  readonly heardA: boolean;
  readonly heardB: boolean;
  /** Why a clip can't be heard. */
  readonly failure: Failure | undefined;
}

export interface Pair {
  readonly players: Readonly<Record<Side, Player>>;
  readonly state: ReadonlySignal<PairState>;
  load(): void;
  /** Plays or pauses a side. The other one goes back to its start, so that both are always heard from there. */
  toggle(side: Side): void;
  /** Loads again what failed. */
  retry(): void;
  dispose(): void;
}

/** Returns what the states of two players mean for a comparison. */
export function pairState(players: Pair["players"]): PairState {
  const a = players.a.state.value;
  const b = players.b.state.value;
  const waits = (phase: string) => phase === "idle" || phase === "loading";
  return {
    ready: !waits(a.phase) && !waits(b.phase) && !a.failure && !b.failure,
    loaded: ((waits(a.phase) ? (a.loaded ?? 0) : 1) + (waits(b.phase) ? (b.loaded ?? 0) : 1)) / 2,
    playing: isActive(a) ? "a" : isActive(b) ? "b" : undefined,
    heardA: a.heardInFull,
    heardB: b.heardInFull,
    failure: a.failure ?? b.failure,
  };
}

/** Returns a pair of players of clips, which load nothing yet. */
export function createPair(
  clips: Readonly<Record<Side, Pick<Source, "url" | "seconds">>>,
  create: (source: Source) => Player = createPlayer,
): Pair {
  const of = (side: Side) => create({ ...clips[side], fetching: "whole", seeking: "after_first_play" });
  const players = { a: of("a"), b: of("b") };
  const state = computed(() => pairState(players));
  return {
    players,
    state,
    load() {
      for (const side of SIDES) {
        players[side].load();
      }
    },
    toggle(side) {
      if (!state.peek().ready) {
        return;
      }
      const other = players[side === "a" ? "b" : "a"];
      if (other.state.peek().position > 0 && other.state.peek().phase !== "ended") {
        other.rewind();
      }
      players[side].toggle();
    },
    retry() {
      for (const side of SIDES) {
        if (players[side].state.peek().phase === "failed") {
          players[side].retry();
        }
      }
    },
    dispose() {
      players.a.dispose();
      players.b.dispose();
    },
  };
}
