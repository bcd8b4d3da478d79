// What a person has put into the form of a new experiment, and the request and the command that it makes.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { Experiment_EvalMode } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import type { CreateExperimentRequestSchema } from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { type EstimatedVoice, type Plan, promptsOf } from "./estimate.ts";
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

/** Returns what the experiment will do, as far as the form says. */
export function planOf(draft: Draft, voices: ReadonlyMap<string, EstimatedVoice> | undefined): Plan {
  const { evalMode, profile, primaryMetric } = draft;
  return {
    voices: draft.voices.flatMap((name) => voices?.get(name) ?? []),
    prompts: promptsOf(draft.prompts),
    repeats: Number(draft.repeats) || 1,
    votesPerPair: evalMode === Experiment_EvalMode.automated ? 0 : Number(draft.votesPerPair) || 0,
    listens: profile !== "latency" || primaryMetric === "word_error_rate",
    byListeners: evalMode === Experiment_EvalMode.human,
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

/** Returns the words of the `arena` command that creates the same experiment. */
export function commandOf(draft: Draft): string[] {
  const people = draft.evalMode !== Experiment_EvalMode.automated;
  const voices = draft.voices.filter((name) => name !== "");
  const options: [string, string][] = [
    ["--name", draft.name.trim()],
    ...voices.map((name): [string, string] => ["--model", name]),
    ...promptsOf(draft.prompts).map((prompt): [string, string] => ["--prompt", prompt]),
    ["--scenario", draft.scenario],
    ["--eval-mode", Experiment_EvalMode[draft.evalMode] ?? ""],
    ["--repeats", draft.repeats],
    ["--profile", draft.profile],
    ["--primary-metric", draft.primaryMetric],
    ["--seed", draft.seed],
    ["--votes-per-pair", people ? draft.votesPerPair : ""],
    ["--listening-days", people ? draft.listeningDays : ""],
    ["--keep-audio-days", draft.retentionDays],
    ["--webhook-url", draft.webhookUrl.trim()],
  ];
  return ["experiment", "create", ...options.filter(([name, value]) => name === "--name" || value !== "").flat()];
}

function whole<Name extends string>(name: Name, value: string): { [name in Name]?: number } {
  const number = Number.parseInt(value, 10);
  return Number.isNaN(number) ? {} : ({ [name]: number } as { [name in Name]?: number });
}
