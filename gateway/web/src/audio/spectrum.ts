// A spectrogram: how strong each frequency is over time, from Fourier transforms of overlapping windows.

import { fft } from "./fft.ts";

/** 21 ms at 24 kHz: short enough to see single sounds of speech, long enough to see the pitch of a voice. */
export const WINDOW = 512;
export const BINS = WINDOW / 2;
/** More columns than a wide screen has pixels say nothing more. */
export const MAX_COLUMNS = 2000;
/** What is this much weaker than full scale is shown as nothing. */
const RANGE_DB = 90;

export interface Spectrum {
  readonly columns: number;
  /** The strength of each bin of each column, column by column from low to high frequencies: 0 for -90 dBFS, 255 for 0. */
  readonly values: Uint8Array<ArrayBuffer>;
}

/** Returns the spectrogram of samples between -1 and 1. */
export function spectrumOf(samples: Float32Array): Spectrum {
  const hop = Math.max(WINDOW / 4, Math.ceil(samples.length / MAX_COLUMNS));
  const columns = Math.max(1, Math.ceil(samples.length / hop));
  const values = new Uint8Array(columns * BINS);
  // A Hann window. Its mean is 1/2, and a tone is in two bins, so a tone of full scale has a sum of WINDOW / 4.
  const hann = Float64Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW));
  const real = new Float64Array(WINDOW);
  const imaginary = new Float64Array(WINDOW);
  for (let column = 0; column < columns; column++) {
    const start = column * hop - WINDOW / 2;
    for (let i = 0; i < WINDOW; i++) {
      real[i] = (samples[start + i] ?? 0) * (hann[i] as number);
    }
    imaginary.fill(0);
    fft(real, imaginary);
    for (let bin = 0; bin < BINS; bin++) {
      const strength = Math.hypot(real[bin] as number, imaginary[bin] as number) / (WINDOW / 4);
      const db = 20 * Math.log10(Math.max(strength, 1e-9));
      values[column * BINS + bin] = Math.round(255 * Math.min(Math.max(1 + db / RANGE_DB, 0), 1));
    }
  }
  return { columns, values };
}
