import { describe, expect, it } from "vitest";
import { BINS, MAX_COLUMNS, spectrumOf, WINDOW } from "./spectrum.ts";

const RATE = 24_000;

describe("a spectrogram", () => {
  it("shows a tone of full scale at its frequency with full strength", () => {
    const bin = 40;
    const hz = (bin * RATE) / WINDOW;
    const tone = Float32Array.from({ length: RATE }, (_, i) => Math.sin((2 * Math.PI * hz * i) / RATE));
    const { columns, values } = spectrumOf(tone);
    const middle = values.subarray(Math.floor(columns / 2) * BINS, (Math.floor(columns / 2) + 1) * BINS);
    expect(middle.indexOf(Math.max(...middle))).toBe(bin);
    expect(middle[bin]).toBe(255);
    expect(Math.max(...middle.subarray(0, bin - 4), ...middle.subarray(bin + 5))).toBeLessThan(60);
  });

  it("is empty for silence", () => {
    expect(Math.max(...spectrumOf(new Float32Array(RATE)).values)).toBe(0);
  });

  it("has a bounded number of columns, which span the whole sound", () => {
    const long = new Float32Array(RATE * 60);
    long.fill(1, long.length - WINDOW);
    const { columns, values } = spectrumOf(long);
    expect(columns).toBeLessThanOrEqual(MAX_COLUMNS);
    expect(Math.max(...values.subarray((columns - 1) * BINS))).toBeGreaterThan(0);
  });
});
