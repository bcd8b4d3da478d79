// Moments, as they are written. "2 minutes ago" is counted from the server's clock.

import { serverNow } from "./clock.ts";
import { LOCALE } from "./locale.ts";
import { ABSENT, type Maybe } from "./number.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
// Each unit with its length, and from how many on the next unit is used.
const UNITS: readonly [Intl.RelativeTimeFormatUnit, number, number][] = [
  ["minute", MINUTE_MS, 60],
  ["hour", HOUR_MS, 24],
  ["day", DAY_MS, 30],
  ["month", 30 * DAY_MS, 12],
  ["year", 365 * DAY_MS, Number.POSITIVE_INFINITY],
];
// A protobuf Timestamp. Seconds are a bigint in the generated messages.
interface Stamp {
  seconds: bigint;
  nanos: number;
}

/** Returns a Timestamp as milliseconds since 1970. */
export function stampMs(stamp: Stamp): number {
  return Number(stamp.seconds) * SECOND_MS + Math.floor(stamp.nanos / 1e6);
}

export type Moment = Maybe<number | Date | Stamp>;

function toMs(moment: Moment): number | null {
  if (moment === null || moment === undefined) {
    return null;
  }
  const ms = typeof moment === "number" ? moment : moment instanceof Date ? moment.getTime() : stampMs(moment);
  // Outside of this range a Date is invalid, and Intl throws.
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? ms : null;
}

const relativeFormat = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
const absoluteFormat = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const exactFormat = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "long" });
const clockFormat = new Intl.DateTimeFormat(LOCALE, { timeStyle: "short" });
const dayFormat = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeZone: "UTC" });
const shortDayFormat = new Intl.DateTimeFormat(LOCALE, { month: "short", day: "numeric", timeZone: "UTC" });
const monthFormat = new Intl.DateTimeFormat(LOCALE, { month: "short", year: "numeric", timeZone: "UTC" });

/** Writes how long ago or how soon: 2 minutes ago, in 3 hours. Under a minute it is "now". */
export function relative(moment: Moment, now: number = serverNow()): string {
  const ms = toMs(moment);
  if (ms === null) {
    return ABSENT;
  }
  const away = Math.abs(ms - now);
  if (away >= MINUTE_MS) {
    for (const [name, length, limit] of UNITS) {
      const rounded = Math.round(away / length);
      if (rounded < limit) {
        return relativeFormat.format(ms < now ? -rounded : rounded, name);
      }
    }
  }
  return relativeFormat.format(0, "second");
}

/** Writes a moment in the visitor's time zone: Nov 27, 2026, 12:05 PM. */
export function absolute(moment: Moment): string {
  const ms = toMs(moment);
  return ms === null ? ABSENT : absoluteFormat.format(ms);
}

/** Writes a moment with its seconds and its time zone, for a tooltip. */
export function exact(moment: Moment): string {
  const ms = toMs(moment);
  return ms === null ? ABSENT : exactFormat.format(ms);
}

/** Writes the time of day only. */
export function clock(moment: Moment): string {
  const ms = toMs(moment);
  return ms === null ? ABSENT : clockFormat.format(ms);
}

/** Returns the start of a day such as 2026-11-26 in UTC, or null if it is no date. */
export function dayMs(day: string): number | null {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** Writes a day. Days of the server are in UTC, so that they never shift by the visitor's time zone. */
export function day(moment: Moment | string): string {
  const ms = typeof moment === "string" ? dayMs(moment) : toMs(moment);
  return ms === null ? ABSENT : dayFormat.format(ms);
}

/** Writes a day without its year, for an axis. */
export function shortDay(moment: Moment): string {
  const ms = toMs(moment);
  return ms === null ? ABSENT : shortDayFormat.format(ms);
}

/** Writes a month, for an axis that spans years. */
export function month(moment: Moment): string {
  const ms = toMs(moment);
  return ms === null ? ABSENT : monthFormat.format(ms);
}

/** Returns the value of a <time datetime> attribute. */
export function machine(moment: Moment): string {
  const ms = toMs(moment);
  return ms === null ? "" : new Date(ms).toISOString();
}
