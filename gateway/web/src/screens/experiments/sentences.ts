// A verdict in sentences, as `arena experiment results` writes it.

import { type Results, Results_Level, type VoteSummary } from "../../../gen/voicearena/experiments/v1/results_pb.js";
import { percent } from "../../format/number.ts";
import { experiments } from "../../strings/experiments.ts";
import { amount, levelName, metricName, pValue } from "./names.ts";

const text = experiments.verdict;
// With a larger share from one address, confidence is at most low: those listeners can be one person.
const MAX_ADDRESS_SHARE = 0.5;

/** Returns the verdict in one sentence. */
export function verdictSentence(results: Results): string {
  if (results.winner !== undefined && results.confidence !== Results_Level.inconclusive) {
    return text.wins(results.winner, levelName(results.confidence));
  }
  return results.leader === undefined ? text.nothing : text.leads(results.leader);
}

/** Returns why, one sentence each. */
export function reasonSentences(results: Results): string[] {
  const sentences: string[] = [];
  if (results.leader !== undefined) {
    const gap = results.gapLevel === Results_Level.inconclusive ? text.tooSmall : levelName(results.gapLevel);
    const evidence =
      results.evidenceLevel === Results_Level.inconclusive ? text.notEnough : levelName(results.evidenceLevel);
    sentences.push(text.gap(gap), text.evidence(evidence, chance(results.pWinner)));
  }
  sentences.push(...results.reasons);
  if (results.minimumDetectableEffect !== undefined) {
    const { minimumDetectableEffect, primaryMetric } = results;
    sentences.push(text.smallest(amount(minimumDetectableEffect, primaryMetric), metricName(primaryMetric)));
  }
  return sentences;
}

/** Returns how many votes count, and what qualifies them, one sentence each. */
export function voteSentences(votes: VoteSummary): string[] {
  const share = votes.largestAddressShare ?? 0;
  return [
    text.votesText(votes.votes, votes.listeners),
    ...(votes.bothBad > 0 ? [text.bothBad(votes.bothBad)] : []),
    ...(votes.supervised > 0 ? [text.supervised(votes.supervised)] : []),
    ...(share > MAX_ADDRESS_SHARE ? [text.oneAddress(percent(share))] : []),
  ];
}

function chance(p: number | undefined): string {
  return p === undefined ? "" : text.against(p < 0.001 ? pValue(p) : `= ${pValue(p)}`);
}
