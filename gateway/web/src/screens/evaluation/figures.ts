// The metrics of an evaluation as rows: a value, its good range, and what measured it.

import { type Message, ScalarType } from "@bufbuild/protobuf";
import {
  DiarizationSchema,
  type EvaluationMetrics,
  EvaluationMetricsSchema,
} from "../../../gen/voicearena/scoring/v1/evaluation_metrics_pb.js";
import type { Evaluation, Metric } from "../../../gen/voicearena/scoring/v1/scoring_pb.js";
import { count, decimal, type Maybe, percent } from "../../format/number.ts";
import { evaluationStrings as text } from "../../strings/evaluation.ts";

const DIARIZATION = "diarization";

export interface Figure {
  readonly step: string;
  readonly metric: Metric;
  readonly kind: "share" | "truth" | "count" | "number";
  readonly value: number | undefined;
  /** The values of further versions of the recording, in the order of `versionsOf`. */
  readonly conditions: readonly (number | undefined)[];
  readonly backend: string;
}

/** Returns the further versions of the recording that were evaluated, such as `telephone`. */
export function versionsOf(evaluation: Evaluation): string[] {
  return Object.keys(evaluation.conditionMetrics).sort();
}

/** Returns the metrics that were measured, in the order of the steps. */
export function figuresOf(evaluation: Evaluation, metrics: readonly Metric[]): Figure[] {
  const order = evaluation.steps.map((step) => step.name);
  const place = (metric: Metric) => (order.includes(metric.step) ? order.indexOf(metric.step) : order.length);
  const conditions = versionsOf(evaluation);
  const found: Figure[] = [];
  for (const metric of metrics.filter((one) => one.step).sort((one, other) => place(one) - place(other))) {
    const message = ofStep(evaluation.metrics, evaluation.diarization, metric.step);
    const value = numberOf(message, metric.name);
    const others = conditions.map((condition) =>
      numberOf(
        ofStep(evaluation.conditionMetrics[condition], evaluation.conditionDiarization[condition], metric.step),
        metric.name,
      ),
    );
    if (value !== undefined || others.some((one) => one !== undefined)) {
      found.push({
        step: metric.step,
        metric,
        kind: kindOf(metric),
        value,
        conditions: others,
        backend: String((message as { backend?: string } | undefined)?.backend ?? ""),
      });
    }
  }
  return found;
}

/** Returns whether a value is in the good range, undefined if there is no value or no range. */
export function isGood({ metric }: Figure, value: number | undefined): boolean | undefined {
  const { goodMinimum: low, goodMaximum: high } = metric;
  if (value === undefined || (low === undefined && high === undefined)) {
    return undefined;
  }
  return value >= (low ?? Number.NEGATIVE_INFINITY) && value <= (high ?? Number.POSITIVE_INFINITY);
}

/** Writes a value with its unit. */
export function written({ kind, metric }: Figure, value: Maybe<number>): string {
  if (value === undefined || value === null) {
    return count(undefined);
  }
  if (kind === "truth") {
    return text.truth(value !== 0);
  }
  if (kind === "share") {
    return percent(value, 1);
  }
  const number = kind === "count" || Math.abs(value) >= 1000 ? count(value) : decimal(value, 2);
  return `${number} ${metric.unit}`.trim();
}

/** Writes the good range, empty if there is none. */
export function goodRange(figure: Figure): string {
  const { goodMinimum: low, goodMaximum: high } = figure.metric;
  if (low !== undefined && high !== undefined) {
    return low === high ? written(figure, low) : text.range(written(figure, low), written(figure, high));
  }
  if (low !== undefined) {
    return text.orMore(written(figure, low));
  }
  return high === undefined ? "" : text.orLess(written(figure, high));
}

/** Returns the steps of the recording itself that did not complete, by their reason. */
export function missingSteps(evaluation: Evaluation, incomplete: readonly number[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const step of evaluation.steps) {
    if (incomplete.includes(step.status) && !step.condition && step.reason !== evaluation.errorMessage) {
      found.set(step.reason, [...(found.get(step.reason) ?? []), step.name]);
    }
  }
  return found;
}

function ofStep(metrics: EvaluationMetrics | undefined, diarization: Message | undefined, step: string) {
  return step === DIARIZATION ? diarization : (metrics?.[localName(step) as keyof EvaluationMetrics] as Message);
}

function numberOf(message: Message | undefined, name: string): number | undefined {
  const value = (message as unknown as Record<string, unknown> | undefined)?.[localName(name)];
  return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : undefined;
}

function kindOf(metric: Metric): Figure["kind"] {
  const step =
    metric.step === DIARIZATION
      ? DiarizationSchema
      : EvaluationMetricsSchema.fields.find((field) => field.name === metric.step)?.message;
  const scalar = step?.fields.find((field) => field.name === metric.name)?.scalar;
  if (scalar === ScalarType.BOOL) {
    return "truth";
  }
  if (scalar === ScalarType.INT32) {
    return "count";
  }
  return metric.unit || (metric.minimum === -1 && metric.maximum === 1) ? "number" : "share";
}

/** Returns the name of a field in TypeScript: `p808_mos` is `p808Mos`. */
function localName(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
