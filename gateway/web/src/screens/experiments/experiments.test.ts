import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  Experiment_EvalMode,
  Experiment_Status,
  ExperimentSchema,
  Trial_Status,
  TrialSchema,
} from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { Results_Level, ResultsSchema, VoteSummarySchema } from "../../../gen/voicearena/experiments/v1/results_pb.js";
import { voiceName } from "../../words/voice.ts";
import { commandOf, emptyDraft, requestOf } from "./draft.ts";
import { amount, difference, metricName, parseVoice, pValue, statusName } from "./names.ts";
import { meetingOf } from "./pairs.ts";
import { progressOf, secondsLeft, withTrial } from "./progress.ts";
import { reasonSentences, verdictSentence, voteSentences } from "./sentences.ts";
import { spreadOf } from "./spread.ts";

const A = { provider: "espeak", voiceId: "en-us" };
const B = { provider: "espeak", voiceId: "a:b" };

test("the name of a voice can be read back, with colons in the voice", () => {
  expect([A, B].map(voiceName)).toEqual(["espeak:en-us", "espeak:a:b"]);
  expect([A, B].map(voiceName).map(parseVoice)).toEqual([A, B]);
});

test("a value that the page does not know is shown as the server names it", () => {
  expect(statusName(Experiment_Status.created)).toBe("not started");
  expect(statusName(99 as Experiment_Status)).toBe("–");
  expect(metricName("new_metric_ms")).toBe("new metric ms");
});

test("amounts and differences have the unit of their metric", () => {
  expect([amount(71.2, "ttfb_ms"), amount(0.0871, "composite_per_prompt")]).toEqual(["71 ms", "0.087"]);
  expect([difference(71.2, "ttfb_ms"), difference(-0.07, "composite_per_prompt")]).toEqual(["+71 ms", "−0.070"]);
  expect([pValue(0.0311), pValue(0.0001), pValue(undefined)]).toEqual(["0.031", "< 0.001", "–"]);
});

test("the request has only what was filled in", () => {
  const draft = { ...emptyDraft(["espeak:en-us"]), name: " First ", prompts: "Hello.\n\nBye.", seed: "0", repeats: "" };
  expect(draft.voices).toEqual(["espeak:en-us", ""]);
  expect(requestOf(draft)).toEqual({
    name: "First",
    scenario: "general",
    evalMode: Experiment_EvalMode.automated,
    models: [A],
    prompts: ["Hello.", "Bye."],
    webhookUrl: "",
    profile: "",
    primaryMetric: "",
    seed: 0,
  });
});

test("the command has what was filled in", () => {
  const draft = { ...emptyDraft(["espeak:en-us", "espeak:en-gb"]), name: "First", prompts: "Hello.\nBye." };
  const words = ["--name", "First", "--model", "espeak:en-us", "--model", "espeak:en-gb", "--prompt", "Hello."];
  const rest = ["--prompt", "Bye.", "--scenario", "general", "--eval-mode", "automated", "--repeats", "1"];
  expect(commandOf(draft)).toEqual(["experiment", "create", ...words, ...rest]);
});

test("votes are asked for only if people judge", () => {
  const request = requestOf({ ...emptyDraft([]), evalMode: Experiment_EvalMode.hybrid, votesPerPair: "5" });
  expect([request.votesPerPair, request.listeningDays]).toEqual([5, 14]);
});

test("a winner is named with its confidence, and nobody without evidence", () => {
  const results = create(ResultsSchema, { winner: "x:a", leader: "x:a", confidence: Results_Level.medium });
  expect(verdictSentence(results)).toBe("x:a wins, with medium confidence.");
  const unsure = create(ResultsSchema, { leader: "x:a", confidence: Results_Level.inconclusive });
  expect(verdictSentence(unsure)).toBe("There is not enough evidence to name a winner. x:a has the best score.");
  expect(verdictSentence(create(ResultsSchema, {}))).toBe("There is not enough evidence to rank these voices.");
});

test("the reasons are those of the server between the two levels and what can be detected", () => {
  const results = create(ResultsSchema, {
    leader: "x:a",
    gapLevel: Results_Level.high,
    evidenceLevel: Results_Level.inconclusive,
    reasons: ["Because."],
    pWinner: 0.25,
    minimumDetectableEffect: 0.0871,
    primaryMetric: "composite_per_prompt",
  });
  expect(reasonSentences(results)).toEqual([
    "Gap between the two best scores: high.",
    "Evidence against chance: not enough (p = 0.250 against the hardest opponent).",
    "Because.",
    "With this many texts, a difference of 0.087 in score of each text is detected 80% of the time.",
  ]);
});

test("the votes are described with what qualifies them", () => {
  const votes = create(VoteSummarySchema, { votes: 32, listeners: 8, largestAddressShare: 0.5 });
  expect(voteSentences(votes)).toEqual(["32 votes of 8 listeners count."]);
  expect(voteSentences({ ...votes, bothBad: 2, supervised: 16, largestAddressShare: 0.75 })).toEqual([
    "32 votes of 8 listeners count.",
    "2 say that both clips are bad.",
    "16 came from a supervised panel.",
    "75% of these votes came from one network address, so confidence is at most low.",
  ]);
  expect(voteSentences({ ...votes, bothBad: 1 })[1]).toBe("1 says that both clips are bad.");
});

test("a pair is seen from both sides, and ties count half", () => {
  const pair = { modelA: "x:a", modelB: "x:b", aWins: 5, bWins: 1, ties: 2, pHolm: 0.04, votes: { a: 1, bothBad: 1 } };
  const results = create(ResultsSchema, { headToHead: [pair] });
  expect(meetingOf(results, "x:a", "x:b", false)).toEqual({ wins: 5, losses: 1, ties: 2, share: 0.75, sure: false });
  expect(meetingOf(results, "x:b", "x:a", false)).toMatchObject({ wins: 1, losses: 5, share: 0.25 });
  expect(meetingOf(results, "x:a", "x:b", true)).toEqual({ wins: 1, losses: 0, ties: 1, share: 0.75, sure: false });
  expect(meetingOf(results, "x:a", "x:c", false)).toBeNull();
  const clear = create(ResultsSchema, { headToHead: [{ ...pair, votes: { a: 9, pHolm: 0.004 } }] });
  expect(meetingOf(clear, "x:b", "x:a", true)).toMatchObject({ losses: 9, sure: true });
});

test("the spread of a former experiment is what its smallest difference was computed from", () => {
  const results = create(ResultsSchema, {
    minimumDetectableEffect: 0.119,
    primaryMetric: "ttfb_ms",
    rankings: [A, B],
    headToHead: [{ modelA: "espeak:a:b", modelB: "espeak:en-us", pairs: 8 }],
  });
  expect(spreadOf(results)?.deviation).toBeCloseTo(0.1);
  expect(spreadOf(create(ResultsSchema, {}))).toBeUndefined();
});

test("a trial that has ended keeps its state when an older one arrives late", () => {
  const ended = create(TrialSchema, { id: "trl_1", modelIndex: 1, status: Trial_Status.failed });
  const late = create(TrialSchema, { id: "trl_1", modelIndex: 1, status: Trial_Status.scoring });
  const trials = withTrial(withTrial(new Map(), ended), late);
  const experiment = create(ExperimentSchema, { totalTrials: 6, models: [A, B] });
  expect(progressOf(experiment, trials)).toEqual([
    { name: "espeak:en-us", completed: 0, failed: 0, total: 3 },
    { name: "espeak:a:b", completed: 0, failed: 1, total: 3 },
  ]);
});

test("the time left follows the pace so far, once there is one", () => {
  expect(secondsLeft(12, 24, 30)).toBe(30);
  expect([secondsLeft(0, 24, 30), secondsLeft(1, 24, 30), secondsLeft(24, 24, 30)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
