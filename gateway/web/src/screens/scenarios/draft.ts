// What the form has, and the requests that follow from it.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { Visibility } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import type { Scenario } from "../../../gen/voicearena/elo/v1/scenario_pb.js";
import type {
  CreateScenarioRequestSchema,
  UpdateScenarioRequestSchema,
} from "../../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { difficultyName, difficultyOf } from "./state.ts";

export interface Draft {
  name: string;
  text: string;
  category: string;
  language: string;
  difficulty: string;
  description: string;
  visibility: "public" | "private";
}

export const NEW: Draft = {
  name: "",
  text: "",
  category: "general",
  language: "en",
  difficulty: "medium",
  description: "",
  visibility: "public",
};

export function draftOf(scenario: Scenario): Draft {
  return {
    name: scenario.name,
    text: scenario.groundTruthTranscript,
    category: scenario.category,
    language: scenario.language,
    difficulty: difficultyName(scenario.difficulty),
    description: scenario.description,
    visibility: scenario.visibility === Visibility.private ? "private" : "public",
  };
}

// The fields of the form under the names that the API has for them.
const PATHS = {
  name: "name",
  text: "ground_truth_transcript",
  category: "category",
  language: "language",
  difficulty: "difficulty",
  description: "description",
  visibility: "visibility",
} as const;

/** The name of a field in the errors of the API. */
export const pathOf = (field: keyof Draft) => PATHS[field];

function values(draft: Draft) {
  return {
    name: draft.name.trim(),
    groundTruthTranscript: draft.text.trim(),
    category: draft.category.trim(),
    language: draft.language.trim(),
    difficulty: difficultyOf(draft.difficulty),
    description: draft.description.trim(),
    visibility: Visibility[draft.visibility],
  };
}

export function createRequest(draft: Draft, requestId: string): MessageInitShape<typeof CreateScenarioRequestSchema> {
  return { ...values(draft), requestId };
}

/** Returns the request for what was changed. Undefined if nothing was. */
export function updateRequest(
  scenario: Scenario,
  draft: Draft,
): MessageInitShape<typeof UpdateScenarioRequestSchema> | undefined {
  const before = values(draftOf(scenario));
  const after = values(draft);
  const fields = Object.keys(PATHS) as (keyof Draft)[];
  const changed = fields.filter((field) => {
    const name = field === "text" ? "groundTruthTranscript" : field;
    return before[name] !== after[name];
  });
  const paths = changed.map((field) => PATHS[field]);
  return paths.length === 0 ? undefined : { ...after, id: scenario.id, updateMask: { paths } };
}

/** Returns how many characters a text has, as the API counts them. */
export const characters = (text: string) => [...text.trim()].length;
