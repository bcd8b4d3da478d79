import { expect, it } from "vitest";
import { fft } from "./fft.ts";
import { NOISE_DB, pinkNoise } from "./reference_noise.ts";

const SAMPLES = 16_384;
const RATE = 24_000;

it("the noise has the level of the clips and equal power in each octave, and does not clip", () => {
  const noise = pinkNoise(SAMPLES);
  const rms = Math.sqrt(noise.reduce((sum, sample) => sum + sample * sample, 0) / SAMPLES);
  expect(20 * Math.log10(rms)).toBeCloseTo(NOISE_DB, 3);
  expect(Math.max(...noise.map(Math.abs))).toBeLessThan(1);
  const real = Float64Array.from(noise);
  const imaginary = new Float64Array(SAMPLES);
  fft(real, imaginary);
  const octave = (hz: number) => {
    let power = 0;
    for (let bin = Math.ceil((hz * SAMPLES) / RATE); bin < (2 * hz * SAMPLES) / RATE; bin++) {
      power += (real[bin] ?? 0) ** 2 + (imaginary[bin] ?? 0) ** 2;
    }
    return power;
  };
  expect(octave(2000) / octave(200)).toBeCloseTo(1, 1);
  expect(octave(40) / octave(2000)).toBeLessThan(1e-6);
});
