import { expect, test } from "vitest";
import { dayTicks, extent, linear, niceStep, padded, ticks } from "./scale.ts";
import { CHARACTER_PX, shortened, textWidth } from "./text.ts";

const date = (text: string) => Date.parse(`${text}T00:00:00Z`);
const written = (values: readonly number[]) => values.map((value) => new Date(value).toISOString().slice(0, 10));

test("a scale maps its ends to the ends of the range, and a domain without length to the middle", () => {
  const scale = linear([1400, 1600], [200, 0]);
  expect([scale(1400), scale(1500), scale(1600)]).toEqual([200, 100, 0]);
  expect(linear([5, 5], [0, 10])(5)).toBe(5);
});

test("ticks are round numbers within the domain", () => {
  expect(ticks([1391, 1632], 5)).toEqual([1400, 1450, 1500, 1550, 1600]);
  expect(ticks([0, 0.3], 3)).toEqual([0, 0.1, 0.2, 0.3]);
  expect(ticks([-1, 1], 4)).toEqual([-1, -0.5, 0, 0.5, 1]);
  expect(ticks([7, 7])).toEqual([7]);
  expect(ticks([Number.NaN, Number.NaN])).toEqual([]);
});

test("steps are 1, 2 or 5 times a power of ten", () => {
  expect([niceStep(241, 5), niceStep(0.3, 3), niceStep(1, 1), niceStep(9, 3)]).toEqual([50, 0.1, 1, 5]);
});

test("the extent ignores what was not measured", () => {
  expect(extent([null, 3, undefined, 1, Number.NaN])).toEqual([1, 3]);
  expect(extent([null])).toBeNull();
  expect(padded([10, 10])).toEqual([9, 11]);
});

test.each([
  [
    "2026-11-20",
    "2026-11-26",
    8,
    ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"],
  ],
  ["2026-10-28", "2026-11-26", 5, ["2026-10-28", "2026-11-04", "2026-11-11", "2026-11-18", "2026-11-25"]],
  ["2026-07-10", "2026-11-26", 5, ["2026-08-01", "2026-09-01", "2026-10-01", "2026-11-01"]],
  ["2024-02-10", "2026-11-26", 4, ["2025-01-01", "2026-01-01"]],
])("days from %s to %s have about %i ticks", (from, to, wanted, expected) => {
  expect(written(dayTicks([date(from), date(to)], wanted))).toEqual(expected);
});

test("a text is cut to a width, never within a character", () => {
  expect(shortened("Kokoro", 100)).toBe("Kokoro");
  expect(shortened("Kokoro Heart", 8 * CHARACTER_PX)).toBe("Kokoro…");
  expect(shortened("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 5.5 * CHARACTER_PX)).toBe("👩‍👩‍👧👩‍👩‍👧…");
  expect(textWidth("声声")).toBe(4 * CHARACTER_PX);
});
