import { expect, test } from "vitest";
import { correlationTable } from "./correlations.ts";
import { priceSpots, qualityAxis } from "./price.ts";

const correlations = [
  { first: "human_vote", second: "ttfa_ms", rho: 0.1, n: 40 },
  { first: "human_vote", second: "prosody_score", rho: -0.6, n: 40 },
  { first: "human_vote", second: "semascore", rho: undefined, n: 4 },
  { first: "prosody_score", second: "ttfa_ms", rho: 0.3, n: 50 },
  { first: "human_vote", second: "naturalness_mos", rho: undefined, n: 0 },
];

test("votes come first, then the metrics that go with them most, whatever the sign, and unmeasured ones are left out", () => {
  expect(correlationTable(correlations).names).toEqual(["human_vote", "prosody_score", "ttfa_ms", "semascore"]);
});

test("a pair is found in both orders, and no pair is invented", () => {
  const table = correlationTable(correlations);
  expect(table.of("ttfa_ms", "prosody_score")?.rho).toBe(0.3);
  expect(table.of("prosody_score", "ttfa_ms")?.rho).toBe(0.3);
  expect(table.of("semascore", "ttfa_ms")).toBeUndefined();
});

const row = { name: "Ada", rating: 1500, withdrawn: false, costPer1000Characters: 0.02, avgWer: 0.05 };

test("models without a price are counted, and withdrawn ones are left out", () => {
  const rows = [
    row,
    { ...row, name: "Free", costPer1000Characters: undefined },
    { ...row, name: "Old", withdrawn: true },
  ];
  expect(priceSpots(rows, "rating")).toEqual({ spots: [{ name: "Ada", x: 0.02, y: 1500 }], withoutPrice: 1 });
});

test("a quality that was not measured draws no spot, and word errors never count below none right", () => {
  expect(priceSpots([row], "prosody")).toEqual({ spots: [], withoutPrice: 0 });
  expect(priceSpots([{ ...row, avgWer: 1.4 }], "words").spots[0]?.y).toBe(0);
  expect(qualityAxis("words").write(0.95)).toBe("95.0%");
});
