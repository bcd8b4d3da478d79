import { expect, it } from "vitest";
import { readStored } from "../app/stored.ts";
import { hasHeadphones, parseSetup, setup, storeSetup } from "./setup.ts";

it("the results of both checks are stored side by side", () => {
  storeSetup({ level: { volume: 0.5, at: "2026-01-01T00:00:00Z" } });
  storeSetup({ headphones: { correct: 5, at: "2026-01-01T00:05:00Z" } });
  expect(parseSetup(readStored("browser", "listening_setup"))).toEqual(setup.value);
  expect([setup.value.level?.volume, hasHeadphones(setup.value)]).toEqual([0.5, true]);
});

it("nothing is known before the check, and after four of six right answers there are no headphones", () => {
  expect(hasHeadphones({})).toBeUndefined();
  expect(hasHeadphones({ headphones: { correct: 4, at: "" } })).toBe(false);
  expect([parseSetup("broken"), parseSetup("null")]).toEqual([{}, {}]);
});
