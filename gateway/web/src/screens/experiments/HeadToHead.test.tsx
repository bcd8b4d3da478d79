// @vitest-environment jsdom
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { render } from "preact";
import { afterEach, expect, test } from "vitest";
import { type Results, ResultsSchema } from "../../../gen/voicearena/experiments/v1/results_pb.js";
import { HeadToHead } from "./HeadToHead.tsx";

afterEach(() => render(null, document.body));

const ranking = (voiceId: string) => ({ provider: "x", voiceId });
const pair = {
  modelA: "x:a",
  modelB: "x:b",
  effect: 0.016,
  effectLow: 0.009,
  effectHigh: 0.022,
  pHolm: 0.012,
  favours: "x:a",
  pairs: 10,
};
const votes = { a: 33, b: 19, ties: 5, bothBad: 3, pHolm: 0.0634 };

function table(results: Results, byPeople: boolean): [string | null, string | null][] {
  render(<HeadToHead results={results} byPeople={byPeople} />, document.body);
  const last = [...document.querySelectorAll("table")].at(-1);
  const headings = [...(last?.querySelectorAll("thead th") ?? [])].map((each) => each.textContent);
  const cells = [...(last?.querySelectorAll("tbody tr")[0]?.children ?? [])].map((each) => each.textContent);
  return headings.map((heading, index) => [heading, cells[index] ?? null]);
}

const resultsOf = (headToHead: NonNullable<MessageInitShape<typeof ResultsSchema>["headToHead"]>) =>
  create(ResultsSchema, {
    rankings: [ranking("a"), ranking("b")],
    primaryMetric: "composite_per_prompt",
    headToHead,
  });

test("votes and measurements have a p-value each, and what decides comes first", () => {
  const measured = [
    ["Difference in score of each text", "+0.016"],
    ["95% interval", "+0.009 to +0.022"],
    ["p (Holm)", "0.012"],
    ["In favour of", "x:a"],
    ["Texts", "10"],
  ];
  const voted = [
    ["Votes for, against, tied", "33–19–8"],
    ["p of votes (Holm)", "0.063"],
  ];
  const both = resultsOf([{ ...pair, votes }]);
  expect(table(both, true)).toEqual([["Pair", "x:a – x:b"], ...voted, ...measured]);
  expect(table(both, false)).toEqual([["Pair", "x:a – x:b"], ...measured, ...voted]);
});

test("without votes there are no columns for them", () => {
  expect(table(resultsOf([pair]), false).map(([heading]) => heading)).not.toContain("p of votes (Holm)");
});
