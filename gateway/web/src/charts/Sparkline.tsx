// A line as large as a word. What it says is written beside it, so it is decoration for screen readers.

import { round } from "./Point.tsx";
import { extent, linear, padded } from "./scale.ts";

export interface SparklineProps {
  values: readonly (number | null)[];
  width?: number;
  height?: number;
  /** The shortest height in units of the values, so that noise stays flat. */
  smallest?: number;
}

export function Sparkline({ values, width = 72, height = 20, smallest = 0 }: SparklineProps) {
  const domain = padded(extent(values) ?? [0, 1], 0.1, smallest);
  const x = linear([0, Math.max(1, values.length - 1)], [2, width - 4]);
  const y = linear(domain, [height - 2, 2]);
  let path = "";
  let pen = false;
  for (const [index, value] of values.entries()) {
    path += value === null ? "" : `${pen ? "L" : "M"}${round(x(index))},${round(y(value))}`;
    pen = value !== null;
  }
  const last = values.findLastIndex((value) => value !== null);
  const end = values[last];
  return (
    <svg class="sparkline series-1" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <path class="line" d={path} />
      {typeof end === "number" && <circle class="point" cx={round(x(last))} cy={round(y(end))} r={2} />}
    </svg>
  );
}
