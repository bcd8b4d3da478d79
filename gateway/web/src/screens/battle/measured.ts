// The metrics of both sides of a battle, as the voter heard them.

import type { SideMetrics } from "../../../gen/voicearena/elo/v1/battle_pb.js";
import type { VoteInBattleResponse } from "../../../gen/voicearena/elo/v1/battle_service_pb.js";
import type { Side } from "../../audio/pair.ts";
import { milliseconds, seconds } from "../../format/duration.ts";
import { count, decimal, type Maybe, percent } from "../../format/number.ts";

type Metric =
  | "wordErrorRate"
  | "hardWordAccuracy"
  | "semascore"
  | "prosodyScore"
  | "naturalnessMos"
  | "signalQualityMos"
  | "speechFailures"
  | "ttfaMs"
  | "durationSeconds";

interface Rule {
  readonly metric: Metric;
  readonly write: (value: Maybe<number>) => string;
  /** Undefined if neither direction is better. */
  readonly better?: "higher" | "lower";
}

const RULES: readonly Rule[] = [
  { metric: "wordErrorRate", write: (value) => percent(value, 1), better: "lower" },
  { metric: "hardWordAccuracy", write: (value) => percent(value), better: "higher" },
  { metric: "semascore", write: decimal, better: "higher" },
  { metric: "prosodyScore", write: decimal, better: "higher" },
  { metric: "naturalnessMos", write: decimal, better: "higher" },
  { metric: "signalQualityMos", write: decimal, better: "higher" },
  { metric: "speechFailures", write: count, better: "lower" },
  { metric: "ttfaMs", write: milliseconds, better: "lower" },
  { metric: "durationSeconds", write: seconds },
];

export interface Row {
  readonly metric: Metric;
  readonly a: string;
  readonly b: string;
  /** The side whose value is better as it is shown. */
  readonly better: Side | undefined;
}

/** Returns whether clip A of the voter is side B of the battle. */
export function isSwapped({ battle, clipAModel }: VoteInBattleResponse): boolean {
  return battle !== undefined && clipAModel !== undefined && clipAModel.id !== battle.modelAId;
}

/** Returns the metrics of the clips that the voter heard as A and B. */
export function metricsOf(reveal: VoteInBattleResponse): Partial<Record<Side, SideMetrics>> {
  const { metricsA, metricsB } = reveal.battle ?? {};
  const [a, b] = isSwapped(reveal) ? [metricsB, metricsA] : [metricsA, metricsB];
  return { ...(a && { a }), ...(b && { b }) };
}

/** Returns a row for each metric that at least one side has. */
export function rowsOf(metrics: Partial<Record<Side, SideMetrics>>): Row[] {
  return RULES.flatMap(({ metric, write, better }) => {
    const a = metrics.a?.[metric];
    const b = metrics.b?.[metric];
    if (a === undefined && b === undefined) {
      return [];
    }
    const [writtenA, writtenB] = [write(a), write(b)];
    const winner =
      better === undefined || a === undefined || b === undefined || writtenA === writtenB
        ? undefined
        : a > b === (better === "higher")
          ? "a"
          : "b";
    return [{ metric, a: writtenA, b: writtenB, better: winner } as const];
  });
}
