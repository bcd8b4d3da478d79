// How much the differences of the last experiment varied from text to text. It turns a difference in standard deviations
// into one in the metric.

import { Experiment_Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { ExperimentService } from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import type { Results } from "../../../gen/voicearena/experiments/v1/results_pb.js";
import { call } from "../../rpc/client.ts";
import { voiceName } from "../../words/voice.ts";
import type { Spread } from "./Estimate.tsx";
import { detectableDz } from "./estimate.ts";

const DEFAULT_METRIC = "composite_per_prompt";
const LOOKED_AT = 20;

/** Returns the spread of the newest experiment with the same primary metric, undefined if there is none that knows it. */
export async function lastSpread(metric: string, signal: AbortSignal): Promise<Spread | undefined> {
  const wanted = metric || DEFAULT_METRIC;
  const request = { status: Experiment_Status.completed, pageSize: LOOKED_AT };
  const { experiments } = await call(ExperimentService.method.listExperiments, request, { signal });
  const last = experiments.find((each) => each.primaryMetric === wanted && each.prompts.length >= 6);
  return last && spreadOf(await call(ExperimentService.method.getResults, { id: last.id }, { signal }));
}

/** Returns the standard deviation from which the server computed the smallest difference that it can detect. */
export function spreadOf(results: Results): Spread | undefined {
  const { minimumDetectableEffect, primaryMetric, rankings, headToHead } = results;
  const [first, second] = rankings.map(voiceName);
  const pair = headToHead.find(
    ({ modelA, modelB }) => (modelA === first && modelB === second) || (modelA === second && modelB === first),
  );
  const dz = pair && detectableDz(pair.pairs);
  return minimumDetectableEffect === undefined || dz === undefined
    ? undefined
    : { metric: primaryMetric, deviation: minimumDetectableEffect / dz };
}
