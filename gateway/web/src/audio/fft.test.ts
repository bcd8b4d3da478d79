import { describe, expect, it } from "vitest";
import { fft } from "./fft.ts";

const N = 64;

describe("the Fourier transform", () => {
  it("finds the frequency of a cosine, with half of its amplitude in each of two bins", () => {
    const real = Float64Array.from({ length: N }, (_, i) => Math.cos((2 * Math.PI * 5 * i) / N));
    const imaginary = new Float64Array(N);
    fft(real, imaginary);
    const size = (bin: number) => Math.hypot(real[bin] ?? 0, imaginary[bin] ?? 0) / N;
    expect(size(5)).toBeCloseTo(0.5, 12);
    expect(size(N - 5)).toBeCloseTo(0.5, 12);
    expect(Math.max(...[0, 1, 4, 6, 20].map(size))).toBeLessThan(1e-12);
  });

  it("equals the sum that defines it", () => {
    const values = Float64Array.from({ length: 8 }, (_, i) => ((i * 7) % 5) - 2);
    const real = values.slice();
    const imaginary = new Float64Array(8);
    fft(real, imaginary);
    for (let k = 0; k < 8; k++) {
      const sum = values.reduce((total, value, i) => total + value * Math.sin((-2 * Math.PI * k * i) / 8), 0);
      expect(imaginary[k]).toBeCloseTo(sum, 12);
    }
  });

  it("is undone by its inverse", () => {
    const values = Float64Array.from({ length: N }, (_, i) => Math.sin(i * i));
    const real = values.slice();
    const imaginary = new Float64Array(N);
    fft(real, imaginary);
    fft(real, imaginary, true);
    expect(Math.max(...real.map((value, i) => Math.abs(value - (values[i] ?? 0))))).toBeLessThan(1e-12);
  });

  it("refuses lengths that are no power of two", () => {
    expect(() => fft(new Float64Array(6), new Float64Array(6))).toThrow("power of two");
  });
});
