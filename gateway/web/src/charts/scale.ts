// Scales and ticks: where a value stands on an axis, and which values an axis names.

export interface Scale {
  (value: number): number;
  readonly domain: readonly [number, number];
}

/** Maps the domain to the range in a straight line. A domain without length maps to the middle of the range. */
export function linear(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [low, high] = domain;
  const [start, end] = range;
  const scale = (value: number) =>
    high === low ? (start + end) / 2 : start + ((value - low) / (high - low)) * (end - start);
  return Object.assign(scale, { domain });
}

/** Returns the smallest and largest of the values, or null without any. */
export function extent(values: Iterable<number | null | undefined>): [number, number] | null {
  let found: [number, number] | null = null;
  for (const value of values) {
    if (typeof value === "number" && Number.isFinite(value)) {
      found = found ? [Math.min(found[0], value), Math.max(found[1], value)] : [value, value];
    }
  }
  return found;
}

/**
 * Widens a domain on both sides by a share of its length, and to a smallest length, so that almost equal values do not
 * look far apart.
 */
export function padded([low, high]: readonly [number, number], share = 0.05, smallest = 0): [number, number] {
  const middle = (low + high) / 2;
  const half = Math.max((high - low) / 2, smallest / 2) * (1 + 2 * share);
  return half === 0 ? [middle - 1, middle + 1] : [middle - half, middle + half];
}

/** Returns a step of 1, 2 or 5 times a power of ten that divides the length into about `wanted` parts. */
export function niceStep(length: number, wanted: number): number {
  const raw = length / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((each) => each * power >= raw * 0.999) ?? 10;
  return step * power;
}

/** Returns round values within the domain, about `wanted` of them. */
export function ticks([low, high]: readonly [number, number], wanted = 5): number[] {
  if (!(high > low)) {
    return Number.isFinite(low) ? [low] : [];
  }
  const step = niceStep(high - low, wanted);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // A multiplication for each, because sums of 0.1 drift.
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

export const DAY_MS = 86_400_000;
const DAY_STEPS = [1, 2, 7, 14];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60];
const MEAN_MONTH_DAYS = 30.44;

/** Returns days in UTC within the domain, about `wanted` of them: every few days, or the first days of months. */
export function dayTicks([low, high]: readonly [number, number], wanted = 5): number[] {
  const days = (high - low) / DAY_MS;
  const step = DAY_STEPS.find((each) => days / each <= wanted);
  if (step !== undefined) {
    const first = Math.ceil(low / DAY_MS);
    const last = Math.floor(high / DAY_MS);
    return Array.from({ length: Math.max(0, Math.floor((last - first) / step) + 1) }, (_, index) => {
      return (first + index * step) * DAY_MS;
    });
  }
  const months = MONTH_STEPS.find((each) => days / MEAN_MONTH_DAYS / each <= wanted) ?? 120;
  const start = new Date(low);
  let month = start.getUTCFullYear() * 12 + start.getUTCMonth();
  month = Math.ceil(month / months) * months;
  const found: number[] = [];
  for (let at = firstOf(month); at <= high; at = firstOf(month)) {
    if (at >= low) {
      found.push(at);
    }
    month += months;
  }
  return found;
}

function firstOf(month: number): number {
  return Date.UTC(Math.floor(month / 12), month % 12, 1);
}
