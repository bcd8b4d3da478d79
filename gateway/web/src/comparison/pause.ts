// Ears get tired: after twenty comparisons without a pause, one is offered.

import { signal } from "@preact/signals";
import { readStored, store } from "../app/stored.ts";

const NAME = "votes_without_pause";
/** ITU-T P.808 lets a person judge about this much before a break of ten minutes. */
export const VOTES_BEFORE_PAUSE = 20;
export const PAUSE_MS = 10 * 60_000;

export interface Effort {
  readonly votes: number;
  /** When the last vote was cast, in milliseconds since 1970. */
  readonly lastAt: number;
}

/** Returns the effort after a vote. Ten minutes without a vote were a pause. */
export function afterVote(effort: Effort, now: number): Effort {
  return { votes: now - effort.lastAt >= PAUSE_MS ? 1 : effort.votes + 1, lastAt: now };
}

/** Says whether to offer a pause: after each twentieth vote. */
export function needsPause({ votes }: Effort): boolean {
  return votes > 0 && votes % VOTES_BEFORE_PAUSE === 0;
}

function read(): Effort {
  const [votes = 0, lastAt = 0] = (readStored("session", NAME) ?? "").split(",").map(Number);
  return Number.isInteger(votes) && Number.isFinite(lastAt) ? { votes, lastAt } : { votes: 0, lastAt: 0 };
}

export const effort = signal(read());

/** Counts a vote of this tab. */
export function countVote(now: number = Date.now()): void {
  effort.value = afterVote(effort.peek(), now);
  store("session", NAME, `${effort.peek().votes},${effort.peek().lastAt}`);
}
