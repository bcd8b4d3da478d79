import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Visibility } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import { Scenario_Difficulty, ScenarioSchema } from "../../../gen/voicearena/elo/v1/scenario_pb.js";
import { characters, createRequest, draftOf, NEW, pathOf, updateRequest } from "./draft.ts";

const SCENARIO = create(ScenarioSchema, {
  id: "scn_1",
  name: "A parcel",
  groundTruthTranscript: "Your parcel is here.",
  category: "support",
  language: "en",
  difficulty: Scenario_Difficulty.hard,
  visibility: Visibility.private,
});

test("a new scenario has the defaults of the API, and its texts have no space around them", () => {
  expect(createRequest({ ...NEW, name: " A parcel ", text: "Hello.\n" }, "r1")).toEqual({
    name: "A parcel",
    groundTruthTranscript: "Hello.",
    category: "general",
    language: "en",
    difficulty: Scenario_Difficulty.medium,
    description: "",
    visibility: Visibility.public,
    requestId: "r1",
  });
});

test("a change names what was changed only", () => {
  const draft = draftOf(SCENARIO);
  expect(updateRequest(SCENARIO, draft)).toBeUndefined();
  expect(updateRequest(SCENARIO, { ...draft, name: "A parcel " })).toBeUndefined();
  const request = updateRequest(SCENARIO, { ...draft, text: "It is there.", visibility: "public" });
  expect(request).toMatchObject({
    id: "scn_1",
    groundTruthTranscript: "It is there.",
    visibility: Visibility.public,
    updateMask: { paths: ["ground_truth_transcript", "visibility"] },
  });
});

test("errors of the API belong to the fields of the form", () => {
  expect(pathOf("text")).toBe("ground_truth_transcript");
});

test("characters are counted as the API counts them", () => {
  expect(characters(" 👩🇩🇪é ")).toBe(4);
});
