import { expect, test } from "vitest";
import { Experiment_EvalMode } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { emptyDraft, planOf } from "./draft.ts";
import { detectableDz, type EstimatedVoice, estimate, promptsOf } from "./estimate.ts";

const local: EstimatedVoice = {
  provider: "espeak",
  name: "espeak:en-us",
  price: undefined,
  local: true,
  concurrency: 2,
};
const hosted: EstimatedVoice = { provider: "acme", name: "acme:ada", price: 0.02, local: false, concurrency: 4 };
const unpriced: EstimatedVoice = { ...hosted, name: "acme:bob", price: undefined };
const AUTOMATED = { votesPerPair: 0, listens: true, byListeners: false };
const PROMPTS = ["Hello.", "Good night."];

test("a text is a line, and lines without words are none", () => {
  expect(promptsOf("  Hello. \n\n \r\nGood night.\n")).toEqual(PROMPTS);
});

test("trials, characters and cost grow with voices, texts and repeats", () => {
  const found = estimate({ voices: [local, hosted], prompts: PROMPTS, repeats: 3, ...AUTOMATED });
  expect(found.trials).toBe(12);
  expect(found.characters).toBe(2 * 3 * 17);
  expect(found.dollars).toBeCloseTo((3 * 17 * 0.02) / 1000);
  expect(found.unknownPrices).toEqual([]);
  expect(found.votes).toBe(0);
});

test("characters are counted as people do, not as UTF-16 does", () => {
  expect(estimate({ voices: [local], prompts: ["🎧"], repeats: 1, ...AUTOMATED }).characters).toBe(1);
});

test("a hosted voice without a price is named, and a voice of the installation costs nothing", () => {
  const found = estimate({ voices: [local, unpriced], prompts: PROMPTS, repeats: 1, ...AUTOMATED });
  expect([found.dollars, found.unknownPrices]).toEqual([0, ["acme:bob"]]);
});

test("listening decides the time of local voices: 24 recordings of 4.7 s take about as long as the demo", () => {
  const prompts = Array.from({ length: 8 }, (_, index) => `${index}${"x".repeat(69)}`);
  const found = estimate({ voices: [local, local, local], prompts, repeats: 1, ...AUTOMATED });
  expect(found.seconds).toBeCloseTo(70.4);
});

test("people vote on each pair of voices and each text", () => {
  const voices = [local, local, local];
  expect(estimate({ voices, prompts: PROMPTS, repeats: 1, ...AUTOMATED, votesPerPair: 5 }).votes).toBe(30);
});

test("texts that are the same count once for what can be found", () => {
  const seven = ["a", "b", "c", "d", "e", "f", "a"];
  const found = estimate({ voices: [local, local], prompts: seven, repeats: 1, ...AUTOMATED });
  expect([found.differentPrompts, found.detectable]).toEqual([6, 1.8]);
});

test("five texts can show nothing, and more texts show smaller differences", () => {
  expect([5, 6, 20, 21].map(detectableDz)).toEqual([undefined, 1.8, 0.66, undefined]);
});

test("where nothing listens, the speech alone takes time", () => {
  const plan = { voices: [local, local], prompts: PROMPTS, repeats: 1, ...AUTOMATED };
  // Two requests of 0.3 s and 17 characters of speech for each voice, two requests at a time.
  expect(estimate({ ...plan, listens: false }).seconds).toBeCloseTo(0.657, 3);
  expect(estimate(plan).seconds).toBeCloseTo(8.453, 3);
});

test("where listeners are the evidence, texts do not decide what can be found", () => {
  const plan = { voices: [local, local], prompts: PROMPTS, repeats: 1, ...AUTOMATED, votesPerPair: 3 };
  expect(estimate({ ...plan, byListeners: true })).toMatchObject({ byListeners: true, detectable: undefined });
});

test("people who judge alone are the evidence, and latency without word errors needs no listening", () => {
  const draft = emptyDraft([]);
  const { automated, human, hybrid } = Experiment_EvalMode;
  const plans = [automated, human, hybrid].map((evalMode) => planOf({ ...draft, evalMode }, undefined));
  expect(plans.map((plan) => plan.byListeners)).toEqual([false, true, false]);
  expect(plans.map((plan) => plan.votesPerPair)).toEqual([0, 3, 3]);
  const latency = { ...draft, profile: "latency" };
  expect(planOf(draft, undefined).listens).toBe(true);
  expect(planOf(latency, undefined).listens).toBe(false);
  expect(planOf({ ...latency, primaryMetric: "word_error_rate" }, undefined).listens).toBe(true);
});
