// The places of a model on each day.

import type { Snapshot } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { LeaderboardService } from "../../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import type { DayValue } from "../../charts/LineBand.tsx";
import { dayMs } from "../../format/time.ts";
import { call } from "../../rpc/client.ts";
import type { Selection } from "./board.ts";

// Two years of days. More would be narrower than a pixel each.
const MAX_DAYS = 730;

/** Returns the ratings of a model over the last two years, oldest first. */
export async function loadHistory(
  modelId: string,
  { board, category, private: isPrivate }: Omit<Selection, "language">,
  signal: AbortSignal,
): Promise<DayValue[]> {
  const request = { modelId, board, category, private: isPrivate, pageSize: MAX_DAYS };
  const { snapshots } = await call(LeaderboardService.method.listSnapshots, request, { signal });
  return daysOf(snapshots);
}

/** Returns snapshots, newest first, as days, oldest first. A date that can't be read is left out. */
export function daysOf(snapshots: readonly Snapshot[]): DayValue[] {
  return snapshots
    .flatMap((one) => {
      const at = dayMs(one.snapshotDate);
      const { rating: value, ratingLow: low, ratingHigh: high, provisional } = one;
      return at === null ? [] : [{ at, value, low, high, provisional }];
    })
    .reverse();
}
