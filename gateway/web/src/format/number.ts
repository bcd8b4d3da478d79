// Numbers for people to read. What was not measured is null or undefined, and is shown as a dash.

import { LOCALE } from "./locale.ts";

export type Maybe<T> = T | null | undefined;

export const ABSENT = "–";

const formats = new Map<string, Intl.NumberFormat>();

/** Returns one formatter for each set of options, because making one takes longer than using it a thousand times. */
export function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(LOCALE, options);
    formats.set(key, format);
  }
  return format;
}

function written(value: Maybe<number>, options: Intl.NumberFormatOptions): string {
  return value === null || value === undefined || !Number.isFinite(value)
    ? ABSENT
    : numberFormat(options).format(value);
}

/** Writes a number with a fixed number of decimals: 3.72. */
export function decimal(value: Maybe<number>, digits = 2): string {
  return written(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Writes a rating: 1,523. */
export function rating(value: Maybe<number>): string {
  return written(value, { maximumFractionDigits: 0 });
}

/** Writes a difference with its sign. Zero has none, and neither has what rounds to it. */
export function signed(value: Maybe<number>, digits = 0): string {
  return written(value, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: "exceptZero",
  }).replace("-", "−");
}

/** Writes how many there are: 12,345. */
export function count(value: Maybe<number>): string {
  return written(value, { maximumFractionDigits: 0 });
}

/** Writes how many there are where space is short: 12K. */
export function shortCount(value: Maybe<number>): string {
  return written(value, { notation: "compact", maximumFractionDigits: 1 });
}

/** Writes a count with its noun, in the number that the language has for it: 1 vote, 2 votes. */
export function counted(value: number, one: string, other: string): string {
  return `${count(value)} ${plurals.select(value) === "one" ? one : other}`;
}

const plurals = new Intl.PluralRules(LOCALE);

/** Writes a share between 0 and 1 as a percentage. */
export function percent(share: Maybe<number>, digits = 0): string {
  return written(share, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Writes a difference of percentages, in percentage points, with its sign. */
export function points(value: Maybe<number>, digits = 1): string {
  const text = signed(value, digits);
  return text === ABSENT ? ABSENT : `${text} points`;
}

/** Writes an interval, such as 1,480 to 1,560, with one formatter for both ends. */
export function interval(low: Maybe<number>, high: Maybe<number>, write: (value: number) => string = rating): string {
  return typeof low !== "number" || typeof high !== "number" ? ABSENT : `${write(low)} to ${write(high)}`;
}

const BYTE_UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** Writes a size in bytes with three digits at most: 61 MB. A kB is 1000 bytes, as the limit of uploads counts. */
export function bytes(value: Maybe<number>): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return ABSENT;
  }
  const power = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), BYTE_UNITS.length - 1);
  const unit = BYTE_UNITS[power] ?? "byte";
  const unitDisplay = unit === "byte" ? "long" : "short";
  return written(value / 1000 ** power, { style: "unit", unit, unitDisplay, maximumSignificantDigits: 3 });
}
