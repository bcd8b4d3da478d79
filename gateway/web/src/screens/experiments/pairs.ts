// One pair of voices, seen from either side.

import type { HeadToHead, Results } from "../../../gen/voicearena/experiments/v1/results_pb.js";

export interface Meeting {
  wins: number;
  losses: number;
  ties: number;
  /** The share of the first voice, ties half. Null if they never met. */
  share: number | null;
  /** Whether chance is an unlikely explanation of the votes, after correction for all pairs. */
  sure: boolean;
}

const MAX_P = 0.05;

/** Returns how a voice did against another one: by votes of people, or by who was faster. */
export function meetingOf(results: Results, one: string, other: string, byPeople: boolean): Meeting | null {
  for (const pair of results.headToHead) {
    if (pair.modelA === one && pair.modelB === other) {
      return meeting(pair, byPeople, false);
    }
    if (pair.modelA === other && pair.modelB === one) {
      return meeting(pair, byPeople, true);
    }
  }
  return null;
}

function meeting(pair: HeadToHead, byPeople: boolean, isSwapped: boolean): Meeting {
  const { votes } = pair;
  const [a, b] = byPeople ? [votes?.a ?? 0, votes?.b ?? 0] : [pair.aWins, pair.bWins];
  const ties = byPeople ? (votes?.ties ?? 0) + (votes?.bothBad ?? 0) : pair.ties;
  const [wins, losses] = isSwapped ? [b, a] : [a, b];
  const all = wins + losses + ties;
  // The p-value of measurements is that of the primary metric, not of who was faster.
  const p = byPeople ? votes?.pHolm : undefined;
  return { wins, losses, ties, share: all === 0 ? null : (wins + ties / 2) / all, sure: p !== undefined && p <= MAX_P };
}
