import { describe, expect, it } from "vitest";
import { fft } from "./fft.ts";
import {
  BURST_SECONDS,
  burst,
  CENTRE_HZ,
  drawTrials,
  GAP_SECONDS,
  INTERVALS,
  intervalAt,
  TRIALS,
  trialSound,
} from "./headphones.ts";

const LENGTH = 16_384;
const RATE = 48_000;

/** Numbers that look random and are the same in each run. */
function seeded(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}

function spectrum(samples: Float32Array): { size: Float64Array; phase: Float64Array } {
  const real = Float64Array.from(samples);
  const imaginary = new Float64Array(real.length);
  fft(real, imaginary);
  return {
    size: real.map((value, i) => Math.hypot(value, imaginary[i] ?? 0)),
    phase: real.map((value, i) => Math.atan2(imaginary[i] ?? 0, value)),
  };
}

describe("the noise of the headphone check", () => {
  it("is the same in both ears without the tone", () => {
    const { left, right } = burst(LENGTH, RATE, false, seeded());
    expect(right).toEqual(left);
  });

  it("differs in phase in a narrow band only with the tone, and nowhere in strength", () => {
    const { left, right } = burst(LENGTH, RATE, true, seeded());
    const [one, other] = [spectrum(left), spectrum(right)];
    const bin = (hz: number) => Math.round((hz * LENGTH) / RATE);
    const turned = (hz: number) => Math.abs(Math.sin(((one.phase[bin(hz)] ?? 0) - (other.phase[bin(hz)] ?? 0)) / 2));
    for (const hz of [100, 500, 700, 4000]) {
      expect(turned(hz)).toBeLessThan(0.01);
    }
    // The middle of the band is turned by half a turn.
    expect(turned(CENTRE_HZ)).toBeGreaterThan(0.95);
    for (const hz of [500, CENTRE_HZ, 700]) {
      expect((other.size[bin(hz)] ?? 0) / (one.size[bin(hz)] ?? 1)).toBeCloseTo(1, 3);
    }
  });

  it("has the tone in any of the three intervals", () => {
    const drawn = Array.from({ length: 50 }, () => drawTrials()).flat();
    expect(drawn).toHaveLength(50 * TRIALS);
    expect([...new Set(drawn)].sort()).toEqual(Array.from({ length: INTERVALS }, (_, i) => i));
  });

  it("comes as a file of three bursts with gaps, and the page knows which one is heard", async () => {
    const view = new DataView(await trialSound(1).arrayBuffer());
    const seconds = (view.byteLength - 44) / 4 / RATE;
    expect(seconds).toBeCloseTo(3 * BURST_SECONDS + 2 * GAP_SECONDS, 3);
    const period = BURST_SECONDS + GAP_SECONDS;
    expect([0, BURST_SECONDS + 0.1, period, 2 * period + 0.1, seconds].map(intervalAt)).toEqual([
      0,
      undefined,
      1,
      2,
      undefined,
    ]);
    // Only in the second burst the channels differ.
    const differ = (interval: number) => {
      const from = Math.round(interval * period * RATE);
      return Array.from({ length: 4000 }, (_, i) => 44 + 4 * (from + 1000 + i)).some(
        (at) => view.getInt16(at, true) !== view.getInt16(at + 2, true),
      );
    };
    expect([0, 1, 2].map(differ)).toEqual([false, true, false]);
  });
});
