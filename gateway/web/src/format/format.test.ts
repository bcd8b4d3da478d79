import { h } from "preact";
import { render } from "preact-render-to-string";
import { afterEach, describe, expect, test } from "vitest";
import { clockErrorMs, noteServerTime, serverNow } from "./clock.ts";
import { milliseconds, position, seconds } from "./duration.ts";
import { pickLocale } from "./locale.ts";
import { Measured, spoken, When } from "./Measured.tsx";
import { dollars, perMinute, perThousandCharacters } from "./money.ts";
import { bytes, count, counted, decimal, interval, percent, points, rating, signed } from "./number.ts";
import { day, dayMs, machine, relative, shortDay, stampMs } from "./time.ts";

const NOON = Date.UTC(2026, 10, 27, 12);

test("the locale is the visitor's only where it speaks the language of the texts", () => {
  expect(pickLocale(["de-DE", "en-GB", "en-US"])).toBe("en-GB");
  expect(pickLocale(["de-DE", "fr"])).toBe("en");
  expect(pickLocale([])).toBe("en");
});

test.each([
  [decimal(3.716), "3.72"],
  [decimal(3), "3.00"],
  [rating(1523.4), "1,523"],
  [signed(12.2), "+12"],
  [signed(-12.2, 1), "−12.2"],
  [signed(-0.2), "0"],
  [count(12345), "12,345"],
  [counted(1, "vote", "votes"), "1 vote"],
  [counted(1200, "vote", "votes"), "1,200 votes"],
  [percent(0.034, 1), "3.4%"],
  [points(1.25), "+1.3 points"],
  [interval(1480.3, 1560), "1,480 to 1,560"],
  [bytes(0), "0 bytes"],
  [bytes(1), "1 byte"],
  [bytes(999_500), "1,000 kB"],
  [bytes(61_234_567), "61.2 MB"],
])("numbers are written as %s", (text, expected) => {
  expect(text).toBe(expected);
});

test.each([
  [0, "0 ms"],
  [340.4, "340 ms"],
  [999.6, "1 s"],
  [1240, "1.24 s"],
  [12_340, "12.3 s"],
  [59_960, "1 min"],
  [125_000, "2 min 5 s"],
  [4_800_000, "1 h 20 min"],
  [-340, "−340 ms"],
])("%d ms are written as %s", (value, expected) => {
  expect(milliseconds(value)).toBe(expected);
});

test("a place in a recording is written as a clock", () => {
  expect([0, 7.9, 754, 3723].map(position)).toEqual(["0:00", "0:07", "12:34", "1:02:03"]);
  expect(seconds(0.34)).toBe("340 ms");
});

test.each([
  [dollars(12.5), "$12.50"],
  [dollars(0), "$0.00"],
  [dollars(0.0042), "$0.0042"],
  [perThousandCharacters(0.18), "$0.18 / 1,000 characters"],
  [perMinute(0.2), "$0.18 / min"],
])("money is written as %s", (text, expected) => {
  expect(text).toBe(expected);
});

test("what was not measured is a dash, whatever the format", () => {
  const formats = [decimal, rating, signed, count, percent, points, bytes, milliseconds, seconds, position];
  for (const format of [...formats, dollars, perThousandCharacters, perMinute, relative, day]) {
    expect([format(null), format(undefined)]).toEqual(["–", "–"]);
  }
  expect(interval(1400, undefined)).toBe("–");
  expect(decimal(Number.NaN)).toBe("–");
});

test("a dash is spoken as not measured, or as the reason", () => {
  expect(render(h(Measured, { text: decimal(null) }))).toBe(
    '<span class="measured-absent"><span aria-hidden="true">–</span><span class="visually-hidden">not measured</span></span>',
  );
  expect(render(h(Measured, { text: "–", reason: "no reference text" }))).toContain(">no reference text<");
  expect(render(h(Measured, { text: decimal(1.5) }))).toBe("1.50");
  expect(spoken(percent(undefined))).toBe("not measured");
});

describe("times", () => {
  afterEach(() => noteServerTime(Date.now()));

  test.each([
    [NOON - 20_000, "now"],
    [NOON + 59_000, "now"],
    [NOON - 60_000, "1 minute ago"],
    [NOON - 119_000, "2 minutes ago"],
    [NOON - 59.6 * 60_000, "1 hour ago"],
    [NOON + 3 * 3_600_000, "in 3 hours"],
    [NOON - 23.7 * 3_600_000, "yesterday"],
    [NOON - 86_400_000, "yesterday"],
    [NOON + 29.8 * 86_400_000, "next month"],
    [NOON + 89.99 * 86_400_000, "in 3 months"],
    [NOON - 200 * 86_400_000, "7 months ago"],
    [NOON - 359 * 86_400_000, "last year"],
    [NOON - 800 * 86_400_000, "2 years ago"],
  ])("%d is %s", (moment, expected) => {
    expect(relative(moment, NOON)).toBe(expected);
  });

  test("a visitor whose clock is wrong by hours still reads how long ago something was", () => {
    const received = Date.now();
    noteServerTime(received - 7_200_000, received);
    expect(relative(received - 7_200_000 - 61_000)).toBe("1 minute ago");
    expect(clockErrorMs()).toBe(7_200_000);
    expect(Math.abs(serverNow() - (received - 7_200_000))).toBeLessThan(1000);
  });

  test("the time that a response takes is not a wrong clock", () => {
    noteServerTime(NOON - 3000, NOON);
    expect(clockErrorMs()).toBe(0);
    noteServerTime(Number.NaN, NOON);
    expect(clockErrorMs()).toBe(0);
  });

  test("days are those of the server, in UTC", () => {
    expect(dayMs("2026-11-26")).toBe(Date.UTC(2026, 10, 26));
    expect(dayMs("yesterday")).toBeNull();
    expect(day("2026-11-26")).toBe("Nov 26, 2026");
    expect(shortDay(Date.UTC(2026, 10, 26, 23, 59))).toBe("Nov 26");
  });

  test("a Timestamp is read, and a date that can't be shown is a dash", () => {
    expect(stampMs({ seconds: BigInt(NOON / 1000), nanos: 5_000_000 })).toBe(NOON + 5);
    expect(machine({ seconds: BigInt(NOON / 1000), nanos: 0 })).toBe("2026-11-27T12:00:00.000Z");
    expect(machine(9e15)).toBe("");
    expect(render(h(When, { at: undefined }))).toContain("not measured");
    expect(render(h(When, { at: NOON, now: NOON + 3_600_000 }))).toMatch(
      /^<time datetime="2026-11-27T12:00:00.000Z" title="[^"]+">1 hour ago<\/time>$/,
    );
  });
});
