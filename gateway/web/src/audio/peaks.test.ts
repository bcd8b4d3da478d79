import { expect, it } from "vitest";
import { outline, peaksOf } from "./peaks.ts";

it("peaks are the lowest and highest sample of each part", () => {
  const { low, high } = peaksOf(new Float32Array([0, 0.5, -0.25, 1, -1, 0]), 3);
  expect([...low]).toEqual([0, -0.25, -1]);
  expect([...high]).toEqual([0.5, 1, 0]);
});

it("every sample is in exactly one part, also if the parts are not equal", () => {
  const samples = Float32Array.from({ length: 10 }, (_, i) => i / 10);
  const { low, high } = peaksOf(samples, 3);
  expect([low[0], high[2]]).toEqual([0, samples[9]]);
  expect(low[1]).toBe(samples[3]);
  expect(peaksOf(samples, 99).high).toHaveLength(10);
});

it("an outline goes along the top and back along the bottom", () => {
  expect(outline(peaksOf(new Float32Array([0.5, -0.5, 0, 0]), 2))).toBe("M0.5 0.500L1.5 1.000L1.5 1.000L0.5 1.500Z");
  expect(outline(peaksOf(new Float32Array(0), 5))).toBe("");
});
