// Axes: a line, ticks, and a faint line across the drawing for each tick.

import type { Scale } from "./scale.ts";

export interface AxisProps {
  scale: Scale;
  values: readonly number[];
  write: (value: number) => string;
  /** The other dimension of the drawing: from where to where the faint lines go. */
  across: readonly [number, number];
  name?: string;
}

const TICK_PX = 4;

/** An axis along the bottom. `across` is from the top to the bottom of the drawing. */
export function AxisX({ scale, values, write, across: [top, bottom], name }: AxisProps) {
  const [low, high] = scale.domain;
  return (
    <g class="axis">
      {values.map((value) => (
        <g key={value}>
          <line class="grid" x1={scale(value)} x2={scale(value)} y1={top} y2={bottom} />
          <text x={scale(value)} y={bottom + TICK_PX + 12} text-anchor="middle">
            {write(value)}
          </text>
        </g>
      ))}
      <line x1={scale(low)} x2={scale(high)} y1={bottom} y2={bottom} />
      {name && (
        <text class="axis-name" x={scale(high)} y={bottom + TICK_PX + 28} text-anchor="end">
          {name}
        </text>
      )}
    </g>
  );
}

/** An axis along the left. `across` is from the left to the right of the drawing. */
export function AxisY({ scale, values, write, across: [left, right], name }: AxisProps) {
  const [, high] = scale.domain;
  return (
    <g class="axis">
      {values.map((value) => (
        <g key={value}>
          <line class="grid" x1={left} x2={right} y1={scale(value)} y2={scale(value)} />
          <text x={left - TICK_PX - 2} y={scale(value)} dy="0.35em" text-anchor="end">
            {write(value)}
          </text>
        </g>
      ))}
      {name && (
        <text class="axis-name" x={0} y={scale(high) - 8} text-anchor="start">
          {name}
        </text>
      )}
    </g>
  );
}
