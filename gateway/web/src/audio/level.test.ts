import { expect, it } from "vitest";
import { FLOOR_DB, meterShare, peakDb } from "./level.ts";

it("the level is that of the loudest sample, of either sign", () => {
  expect(peakDb(new Float32Array([0.1, -0.5, 0.2]))).toBeCloseTo(-6.02, 2);
  expect(peakDb(new Float32Array([1]))).toBe(0);
  expect(peakDb(new Float32Array(4))).toBe(FLOOR_DB);
});

it("a meter is empty at the floor and full at full scale", () => {
  expect([FLOOR_DB, FLOOR_DB / 2, 0, 3, -90].map(meterShare)).toEqual([0, 0.5, 1, 1, 0]);
});
