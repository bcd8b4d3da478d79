// A check that both ears hear their own channel: Huggins pitch, as in Milne et al. (2021), "An online headphone screening
// test based on dichotic pitch". Three bursts of noise; in one of them a narrow band is turned in phase in one ear, which
// gives a faint tone in the middle of the head. Over loudspeakers, or with one ear, there is no tone. About 80% of people
// with headphones pass and 20% of those without, so the result says something about a group and bars nobody.

import { fft } from "./fft.ts";
import { wav } from "./wav.ts";

export const TRIALS = 6;
export const INTERVALS = 3;
export const CENTRE_HZ = 600;
/** The band reaches 6% to each side of the centre. */
const HALF_BAND = 0.06;
const LEVEL = 0.1;
const SAMPLE_RATE = 48_000;
/** A burst lasts 1.37 s, a power of two in samples. */
const BURST_SAMPLES = 65_536;
export const BURST_SECONDS = BURST_SAMPLES / SAMPLE_RATE;
export const GAP_SECONDS = 0.5;
/** Bursts fade in and out, so that they don't click. */
const FADE_SAMPLES = 480;

/** The two channels of a burst. */
export interface Stereo {
  readonly left: Float32Array<ArrayBuffer>;
  readonly right: Float32Array<ArrayBuffer>;
}

/** Returns a burst of noise of `length` samples, a power of two. With `pitch`, it has the tone. */
export function burst(length: number, sampleRate: number, pitch: boolean, random: () => number = Math.random): Stereo {
  const real = Float64Array.from({ length }, () => (random() * 2 - 1) * LEVEL);
  const left = Float32Array.from(real);
  if (!pitch) {
    return { left, right: left.slice() };
  }
  const imaginary = new Float64Array(length);
  fft(real, imaginary);
  const from = CENTRE_HZ * (1 - HALF_BAND);
  const to = CENTRE_HZ * (1 + HALF_BAND);
  for (let bin = 1; bin < length / 2; bin++) {
    const hz = (bin * sampleRate) / length;
    if (hz > from && hz < to) {
      turn(real, imaginary, bin, (2 * Math.PI * (hz - from)) / (to - from));
    }
  }
  fft(real, imaginary, true);
  return { left, right: Float32Array.from(real) };
}

/** Returns a stereo WAV file of three bursts with gaps, of which `interval` has the tone. */
export function trialSound(interval: number): Blob {
  const gap = new Float32Array(2 * Math.round(GAP_SECONDS * SAMPLE_RATE));
  const blocks = Array.from({ length: INTERVALS }, (_, i) => {
    const { left, right } = burst(BURST_SAMPLES, SAMPLE_RATE, i === interval);
    return Float32Array.from({ length: 2 * BURST_SAMPLES }, (_, at) => {
      const frame = at >> 1;
      const fade = Math.min(1, (frame + 1) / FADE_SAMPLES, (BURST_SAMPLES - frame) / FADE_SAMPLES);
      return ((at & 1 ? right : left)[frame] as number) * fade;
    });
  });
  return wav(
    blocks.flatMap((block, i) => (i ? [gap, block] : [block])),
    SAMPLE_RATE,
    2,
  );
}

/** Returns which interval is heard at a position of a trial's sound, undefined in a gap. */
export function intervalAt(seconds: number): number | undefined {
  const period = BURST_SECONDS + GAP_SECONDS;
  const interval = Math.floor(seconds / period);
  return interval < INTERVALS && seconds - interval * period < BURST_SECONDS ? interval : undefined;
}

/** Returns the interval with the tone in each trial, 0 to 2. */
export function drawTrials(random: () => number = Math.random): number[] {
  return Array.from({ length: TRIALS }, () => Math.floor(random() * INTERVALS));
}

// The values must stay those of a real sound, so the mirrored bin turns the other way.
function turn(real: Float64Array, imaginary: Float64Array, bin: number, angle: number): void {
  for (const [index, by] of [
    [bin, angle],
    [real.length - bin, -angle],
  ] as const) {
    const re = real[index] as number;
    const im = imaginary[index] as number;
    real[index] = re * Math.cos(by) - im * Math.sin(by);
    imaginary[index] = re * Math.sin(by) + im * Math.cos(by);
  }
}
