// The results of pairs of models.

import type { GetHeadToHeadResponse_Cell } from "../../../gen/voicearena/elo/v1/leaderboard_service_pb.js";

export interface PairCell {
  wins: number;
  losses: number;
  ties: number;
  bothBad: number;
  /** The votes that say which is better: without those that neither is good. */
  n: number;
  /** The share that the first one won, ties half. Null without such votes. */
  share: number | null;
  /** Whether the first one is surely better. */
  sure: boolean;
}

/** Returns what is known of each pair, by the ids of the first and the second model with a space between. */
export function cellsByPair(cells: readonly GetHeadToHeadResponse_Cell[]): Map<string, PairCell> {
  return new Map(
    cells.map(({ modelId, opponentId, wins, losses, ties, bothBad, surelyBetter }) => {
      const n = wins + losses + ties;
      const share = n === 0 ? null : (wins + ties / 2) / n;
      return [`${modelId} ${opponentId}`, { wins, losses, ties, bothBad, n, share, sure: surelyBetter }];
    }),
  );
}
