import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { StepState_Status } from "../../../gen/voicearena/scoring/v1/evaluation_metrics_pb.js";
import {
  Evaluation_Status,
  EvaluationSchema,
  type Metric,
  MetricSchema,
} from "../../../gen/voicearena/scoring/v1/scoring_pb.js";
import { figuresOf, goodRange, isGood, missingSteps, written } from "./figures.ts";

const metric = (values: Partial<Metric>) => create(MetricSchema, values as object);

const METRICS = [
  metric({ step: "diarization", name: "response_gap_p50_seconds", unit: "s", label: "Gap", goodMaximum: 0.8 }),
  metric({ step: "noise", name: "snr_db", unit: "dB", label: "SNR", goodMinimum: 25 }),
  metric({ step: "word_errors", name: "word_error_rate", label: "WER", goodMaximum: 0.05 }),
  metric({ step: "word_errors", name: "insertions", label: "Inserted" }),
  metric({ step: "signal", name: "audible", label: "Audible", goodMinimum: 1, goodMaximum: 1 }),
  metric({ step: "quality", name: "p808_mos", label: "P.808" }),
  metric({ step: "", name: "ttfb_ms", unit: "ms", label: "TTFB" }),
];

const EVALUATION = create(EvaluationSchema, {
  status: Evaluation_Status.completed,
  steps: [
    { name: "signal", status: StepState_Status.completed },
    { name: "noise", status: StepState_Status.completed },
    { name: "word_errors", status: StepState_Status.completed },
    { name: "quality", status: StepState_Status.skipped, reason: "No model is installed." },
    { name: "emotion", status: StepState_Status.skipped, reason: "No model is installed." },
    { name: "quality", status: StepState_Status.skipped, reason: "No model.", condition: "telephone" },
    { name: "diarization", status: StepState_Status.completed },
  ],
  metrics: {
    signal: { audible: true, backend: "signal/1" },
    noise: { snrDb: 12.5, backend: "noise/1" },
    wordErrors: { wordErrorRate: 0.125, insertions: 2, backend: "words/1" },
  },
  diarization: { responseGapP50Seconds: 0.4, backend: "channels/1" },
  conditionMetrics: { telephone: { noise: { snrDb: 30 } } },
});

describe("figuresOf", () => {
  const figures = figuresOf(EVALUATION, METRICS);
  const row = (name: string) => {
    const found = figures.find((figure) => figure.metric.name === name);
    if (!found) {
      throw new Error(name);
    }
    return found;
  };

  it("has what was measured in the order of the steps", () => {
    expect(figures.map((figure) => [figure.step, figure.metric.label, figure.backend])).toEqual([
      ["signal", "Audible", "signal/1"],
      ["noise", "SNR", "noise/1"],
      ["word_errors", "WER", "words/1"],
      ["word_errors", "Inserted", "words/1"],
      ["diarization", "Gap", "channels/1"],
    ]);
  });

  it("writes each value in its kind, beside its good range", () => {
    expect(figures.map((figure) => [written(figure, figure.value), goodRange(figure)])).toEqual([
      ["yes", "yes"],
      ["12.50 dB", "25.00 dB or more"],
      ["12.5%", "5.0% or less"],
      ["2", ""],
      ["0.40 s", "0.80 s or less"],
    ]);
  });

  it("judges the recording and its further versions apart", () => {
    const noise = row("snr_db");
    expect([isGood(noise, noise.value), isGood(noise, noise.conditions[0])]).toEqual([false, true]);
    expect(isGood(row("insertions"), 2)).toBeUndefined();
  });
});

describe("missingSteps", () => {
  it("has the steps of the recording itself by their reason", () => {
    const found = missingSteps(EVALUATION, [StepState_Status.skipped, StepState_Status.failed]);
    expect([...found]).toEqual([["No model is installed.", ["quality", "emotion"]]]);
  });
});
