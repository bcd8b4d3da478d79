// The correlations of the API as a table of pairs.

import type { GetCorrelationsResponse_Correlation } from "../../../gen/voicearena/elo/v1/analytics_service_pb.js";

/** The name of the votes of people among the metrics. */
const HUMAN_VOTE = "human_vote";

export type Correlation = Pick<GetCorrelationsResponse_Correlation, "first" | "second" | "rho" | "n">;

export interface CorrelationTable {
  /** Votes of people first, then metrics, those that go with the votes most first. */
  readonly names: readonly string[];
  /** Returns the correlation of two different names. Undefined if the API has none. */
  readonly of: (one: string, other: string) => Correlation | undefined;
}

export function correlationTable(correlations: readonly Correlation[]): CorrelationTable {
  const byPair = new Map<string, Correlation>();
  const names = new Set<string>();
  // What no battle has is not measured in this installation.
  for (const each of correlations.filter(({ n }) => n > 0)) {
    byPair.set(pair(each.first, each.second), each);
    byPair.set(pair(each.second, each.first), each);
    names.add(each.first).add(each.second);
  }
  const of = (one: string, other: string) => byPair.get(pair(one, other));
  const strength = (name: string) =>
    name === HUMAN_VOTE ? Number.POSITIVE_INFINITY : Math.abs(of(HUMAN_VOTE, name)?.rho ?? 0);
  return { names: [...names].sort((one, other) => strength(other) - strength(one)), of };
}

function pair(one: string, other: string): string {
  return `${one} ${other}`;
}
