// How experiments write what several of their parts show.

import {
  Experiment_EvalMode,
  Experiment_Status,
  Trial_Status,
} from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { Results_Level } from "../../../gen/voicearena/experiments/v1/results_pb.js";
import { milliseconds } from "../../format/duration.ts";
import { ABSENT, decimal, type Maybe, signed } from "../../format/number.ts";
import { experiments as text } from "../../strings/experiments.ts";

/** Reads the name of a voice. Voices can have colons, providers have none. */
export function parseVoice(name: string): { provider: string; voiceId: string } {
  const at = name.indexOf(":");
  return at < 0 ? { provider: name, voiceId: "" } : { provider: name.slice(0, at), voiceId: name.slice(at + 1) };
}

/** Writes the name of a status or another value of a closed set. A value that the page does not know is shown as it is. */
function known(texts: Record<string, string>, name: string | undefined): string {
  return (name && texts[name]) || (name ?? ABSENT);
}

export function statusName(status: Experiment_Status): string {
  return known(text.statuses, Experiment_Status[status]);
}

export function trialStatusName(status: Trial_Status): string {
  return known(text.trialStatuses, Trial_Status[status]);
}

export function judgesName(mode: Experiment_EvalMode): string {
  return known(text.judges, Experiment_EvalMode[mode]);
}

export function scenarioName(scenario: string): string {
  return known(text.scenarios, scenario);
}

export function levelName(level: Results_Level): string {
  return known(text.verdict.levels, Results_Level[level]);
}

export function hasEnded(status: Experiment_Status): boolean {
  return (
    status === Experiment_Status.completed ||
    status === Experiment_Status.failed ||
    status === Experiment_Status.cancelled
  );
}

/** Writes a metric's name as words. */
export function metricName(metric: string): string {
  const { metrics } = text.form;
  const name = metric === "composite_per_prompt" ? metrics[""] : (metrics as Record<string, string>)[metric];
  return (name ?? metric.replaceAll("_", " ")).toLowerCase();
}

/** Writes an amount of a metric: milliseconds, or a share with three decimals. */
export function amount(value: Maybe<number>, metric: string): string {
  return metric.endsWith("_ms") ? milliseconds(value) : decimal(value, 3);
}

/** Writes a difference in a metric with its sign. */
export function difference(value: Maybe<number>, metric: string): string {
  return metric.endsWith("_ms") ? (signed(value) === ABSENT ? ABSENT : `${signed(value)} ms`) : signed(value, 3);
}

/** Writes a p-value: 0.031, or < 0.001. */
export function pValue(value: Maybe<number>): string {
  return typeof value === "number" && value < 0.001 ? "< 0.001" : decimal(value, 3);
}
