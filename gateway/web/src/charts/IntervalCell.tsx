// A dot and its interval in a table cell. The numbers stand beside it, so it is decoration for screen readers.

import { IntervalMark, type IntervalValue } from "./DotInterval.tsx";
import { linear } from "./scale.ts";
import "./charts.css";

const WIDTH_PX = 200;
const HEIGHT_PX = 20;

export interface IntervalCellProps {
  row: IntervalValue;
  /** The axis of all rows of the table. */
  domain: readonly [number, number];
  /** A value that matters, such as the average: a line through all rows. */
  reference?: number;
}

export function IntervalCell({ row, domain, reference }: IntervalCellProps) {
  const scale = linear(domain, [6, WIDTH_PX - 6]);
  const [low, high] = domain;
  const isWithin = reference !== undefined && reference > low && reference < high;
  return (
    <svg
      class="interval-cell"
      width={WIDTH_PX}
      height={HEIGHT_PX}
      viewBox={`0 0 ${WIDTH_PX} ${HEIGHT_PX}`}
      aria-hidden="true"
    >
      {isWithin && <line class="reference" x1={scale(reference)} x2={scale(reference)} y1={0} y2={HEIGHT_PX} />}
      <IntervalMark row={row} scale={scale} y={HEIGHT_PX / 2} />
    </svg>
  );
}
