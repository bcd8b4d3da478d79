// Which parts of a sound were played. A part that was skipped was not heard.

/** Seconds from `from` to `to` that were played without a jump. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Players end a little before or after the length that the file states. */
const TOLERANCE_SECONDS = 0.25;

/** Returns the spans with another one, sorted, and joined where they touch. */
export function withSpan(spans: readonly Span[], added: Span): readonly Span[] {
  const joined: Span[] = [];
  for (const span of [...spans, added].sort((one, other) => one.from - other.from)) {
    const last = joined.at(-1);
    if (last && span.from <= last.to + TOLERANCE_SECONDS) {
      joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    } else {
      joined.push(span);
    }
  }
  return joined;
}

/** Says whether the spans cover a sound of this length. */
export function coversAll(spans: readonly Span[], seconds: number): boolean {
  const [first, ...others] = spans;
  return (
    first !== undefined &&
    others.length === 0 &&
    seconds > 0 &&
    first.from <= TOLERANCE_SECONDS &&
    first.to >= seconds - TOLERANCE_SECONDS
  );
}
