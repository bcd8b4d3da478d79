// The outline of a sound for a waveform: the lowest and the highest sample of each of a number of equal parts.

export interface Peaks {
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** Returns `count` peaks of samples between -1 and 1. A sound with fewer samples has one peak for each. */
export function peaksOf(samples: Float32Array, count: number): Peaks {
  const parts = Math.min(count, samples.length);
  const low = new Float32Array(parts);
  const high = new Float32Array(parts);
  for (let part = 0; part < parts; part++) {
    const end = Math.floor(((part + 1) * samples.length) / parts);
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = Math.floor((part * samples.length) / parts); i < end; i++) {
      const sample = samples[i] as number;
      least = Math.min(least, sample);
      most = Math.max(most, sample);
    }
    low[part] = least;
    high[part] = most;
  }
  return { low, high };
}

/** Returns the outline as the path of an SVG that is `count` wide and 2 high. */
export function outline({ low, high }: Peaks): string {
  const count = high.length;
  if (count === 0) {
    return "";
  }
  const point = (x: number, sample: number | undefined) => `${x + 0.5} ${(1 - (sample ?? 0)).toFixed(3)}`;
  const above = Array.from(high, (sample, x) => point(x, sample));
  const below = Array.from({ length: count }, (_, i) => point(count - 1 - i, low[count - 1 - i]));
  return `M${[...above, ...below].join("L")}Z`;
}
