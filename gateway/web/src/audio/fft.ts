// The fast Fourier transform of complex values, in place, for lengths that are powers of two (Cooley and Tukey 1965).

/** Transforms `real` and `imaginary`. With `inverse` it undoes the transform, the division by the length included. */
export function fft(real: Float64Array, imaginary: Float64Array, inverse = false): void {
  const n = real.length;
  if (n < 1 || n & (n - 1) || imaginary.length !== n) {
    throw new RangeError(`the length must be a power of two, got ${n}`);
  }
  reorder(real, imaginary);
  for (let half = 1; half < n; half *= 2) {
    const turn = ((inverse ? 1 : -1) * Math.PI) / half;
    for (let k = 0; k < half; k++) {
      const cos = Math.cos(turn * k);
      const sin = Math.sin(turn * k);
      for (let low = k; low < n; low += 2 * half) {
        const high = low + half;
        const re = (real[high] as number) * cos - (imaginary[high] as number) * sin;
        const im = (real[high] as number) * sin + (imaginary[high] as number) * cos;
        real[high] = (real[low] as number) - re;
        imaginary[high] = (imaginary[low] as number) - im;
        real[low] = (real[low] as number) + re;
        imaginary[low] = (imaginary[low] as number) + im;
      }
    }
  }
  if (inverse) {
    for (let i = 0; i < n; i++) {
      real[i] = (real[i] as number) / n;
      imaginary[i] = (imaginary[i] as number) / n;
    }
  }
}

// Puts each value where its index, read backwards in bits, says.
function reorder(real: Float64Array, imaginary: Float64Array): void {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    while (j & bit) {
      j ^= bit;
      bit >>= 1;
    }
    j |= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j] as number, real[i] as number];
      [imaginary[i], imaginary[j]] = [imaginary[j] as number, imaginary[i] as number];
    }
  }
}
