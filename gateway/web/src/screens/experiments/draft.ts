// What a person has put into the form of a new experiment, and the request that it makes.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { Experiment_EvalMode } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import type { CreateExperimentRequestSchema } from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { promptsOf } from "./estimate.ts";
import { parseVoice } from "./names.ts";

export interface Draft {
  name: string;
  voices: string[];
  prompts: string;
  scenario: string;
  evalMode: Experiment_EvalMode;
  repeats: string;
  profile: string;
  primaryMetric: string;
  seed: string;
  votesPerPair: string;
  listeningDays: string;
  retentionDays: string;
  webhookUrl: string;
}

const MIN_VOICES = 2;

/** Returns the form as it is opened, with these voices chosen. */
export function emptyDraft(voices: readonly string[]): Draft {
  const missing = Math.max(0, MIN_VOICES - voices.length);
  return {
    name: "",
    voices: [...voices.slice(0, 4), ...Array(missing).fill("")],
    prompts: "",
    scenario: "general",
    evalMode: Experiment_EvalMode.automated,
    repeats: "1",
    profile: "",
    primaryMetric: "",
    seed: "",
    votesPerPair: "3",
    listeningDays: "14",
    retentionDays: "",
    webhookUrl: "",
  };
}

/** Returns the request. What is empty is left out, so that the server decides it. */
export function requestOf(draft: Draft): MessageInitShape<typeof CreateExperimentRequestSchema> {
  const people = draft.evalMode !== Experiment_EvalMode.automated;
  return {
    name: draft.name.trim(),
    scenario: draft.scenario,
    evalMode: draft.evalMode,
    models: draft.voices.filter((name) => name !== "").map(parseVoice),
    prompts: promptsOf(draft.prompts),
    webhookUrl: draft.webhookUrl.trim(),
    profile: draft.profile,
    primaryMetric: draft.primaryMetric,
    ...whole("repeats", draft.repeats),
    ...whole("seed", draft.seed),
    ...whole("audioRetentionDays", draft.retentionDays),
    ...(people ? { ...whole("votesPerPair", draft.votesPerPair), ...whole("listeningDays", draft.listeningDays) } : {}),
  };
}

function whole<Name extends string>(name: Name, value: string): { [name in Name]?: number } {
  const number = Number.parseInt(value, 10);
  return Number.isNaN(number) ? {} : ({ [name]: number } as { [name in Name]?: number });
}
