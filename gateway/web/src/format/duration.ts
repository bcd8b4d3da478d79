// Lengths of time, in the unit that needs the fewest digits. The symbols are those of the SI, because the short names of
// Intl have a plural: "2 secs".

import { ABSENT, type Maybe, numberFormat } from "./number.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

function unit(value: number, symbol: string, digits: number): string {
  return `${numberFormat({ maximumFractionDigits: digits }).format(value)} ${symbol}`;
}

/** Writes a number of milliseconds: 340 ms, 1.24 s, 2 min 5 s, 1 h 20 min. */
export function milliseconds(value: Maybe<number>): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return ABSENT;
  }
  if (value < 0) {
    return `−${milliseconds(-value)}`;
  }
  if (Math.round(value) < SECOND_MS) {
    return unit(Math.round(value), "ms", 0);
  }
  if (value < 10 * SECOND_MS) {
    return unit(value / SECOND_MS, "s", 2);
  }
  const seconds = Math.round(value / SECOND_MS);
  if (seconds < 60) {
    return unit(Math.round(value / 100) / 10, "s", 1);
  }
  if (seconds * SECOND_MS < HOUR_MS) {
    return parts(seconds, 60, "min", "s");
  }
  return parts(Math.round(value / MINUTE_MS), 60, "h", "min");
}

function parts(total: number, size: number, large: string, small: string): string {
  const rest = total % size;
  const whole = unit(Math.floor(total / size), large, 0);
  return rest === 0 ? whole : `${whole} ${unit(rest, small, 0)}`;
}

/** Writes a number of seconds the same way. */
export function seconds(value: Maybe<number>): string {
  return milliseconds(value === null || value === undefined ? value : value * SECOND_MS);
}

/** Writes a place in a recording as a clock does: 0:07, 12:34, 1:02:03. */
export function position(value: Maybe<number>): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return ABSENT;
  }
  const whole = Math.max(0, Math.floor(value));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const last = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${last}` : `${minutes}:${last}`;
}
