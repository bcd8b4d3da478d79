// Noise that is about as loud as the clips, to set the level by before the first comparison.

import { fft } from "./fft.ts";
import { wav } from "./wav.ts";

/** Clips have -23 LUFS. Pink noise has nearly the same value in LUFS and in dB of its root mean square. */
export const NOISE_DB = -23;
const SAMPLE_RATE = 24_000;
/** 5.5 s, a power of two in samples. */
const SAMPLES = 131_072;
const FROM_HZ = 80;
const TO_HZ = 8000;

/** Returns pink noise, equally strong in each octave from 80 Hz to 8 kHz. */
export function pinkNoise(samples = SAMPLES, random: () => number = Math.random): Float32Array {
  const real = new Float64Array(samples);
  const imaginary = new Float64Array(samples);
  for (let bin = 1; bin < samples / 2; bin++) {
    const hz = (bin * SAMPLE_RATE) / samples;
    if (hz >= FROM_HZ && hz <= TO_HZ) {
      const phase = 2 * Math.PI * random();
      const size = 1 / Math.sqrt(hz);
      real[bin] = size * Math.cos(phase);
      imaginary[bin] = size * Math.sin(phase);
      real[samples - bin] = real[bin] as number;
      imaginary[samples - bin] = -(imaginary[bin] as number);
    }
  }
  fft(real, imaginary, true);
  const rms = Math.sqrt(real.reduce((sum, sample) => sum + sample * sample, 0) / samples);
  const gain = 10 ** (NOISE_DB / 20) / rms;
  return Float32Array.from(real, (sample) => sample * gain);
}

/** Returns the noise as a WAV file. */
export function referenceNoise(): Blob {
  return wav([pinkNoise()], SAMPLE_RATE);
}
