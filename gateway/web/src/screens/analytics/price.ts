// Models as spots of price and quality.

import type { LeaderboardRow } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import type { Dimension, Spot } from "../../charts/Scatter.tsx";
import { decimal, percent, rating } from "../../format/number.ts";
import { analyticsTexts } from "../../strings/analytics.ts";

export type Quality = keyof typeof analyticsTexts.price.by;

type Row = Pick<
  LeaderboardRow,
  "name" | "rating" | "costPer1000Characters" | "avgQuality" | "avgWer" | "avgProsody" | "withdrawn"
>;

const VALUES: Record<Quality, { of: (row: Row) => number | undefined; write: (value: number) => string }> = {
  rating: { of: (row) => row.rating, write: rating },
  naturalness: { of: (row) => row.avgQuality, write: (value) => decimal(value) },
  words: {
    of: (row) => (row.avgWer === undefined ? undefined : 1 - Math.min(1, row.avgWer)),
    write: (share) => percent(share, 1),
  },
  prosody: { of: (row) => row.avgProsody, write: (value) => decimal(value) },
};

export const QUALITIES = Object.keys(VALUES) as Quality[];

/** Returns the models that take part and have a price and the quality, and how many have no price. */
export function priceSpots(rows: readonly Row[], quality: Quality): { spots: Spot[]; withoutPrice: number } {
  const spots: Spot[] = [];
  let withoutPrice = 0;
  for (const row of rows.filter((each) => !each.withdrawn)) {
    const value = VALUES[quality].of(row);
    if (row.costPer1000Characters === undefined) {
      withoutPrice += 1;
    } else if (value !== undefined) {
      spots.push({ name: row.name, x: row.costPer1000Characters, y: value });
    }
  }
  return { spots, withoutPrice };
}

/** Returns the axis of a quality. */
export function qualityAxis(quality: Quality): Dimension {
  return { name: analyticsTexts.price.by[quality], better: "high", write: VALUES[quality].write };
}
