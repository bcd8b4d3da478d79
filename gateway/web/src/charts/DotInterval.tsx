// A dot and its interval for each row, on one axis. It shows what is sure: intervals that overlap are in view.

import { spoken } from "../format/Measured.tsx";
import { ABSENT, interval, rating } from "../format/number.ts";
import { charts as text } from "../strings/charts.ts";
import { AxisX } from "./Axis.tsx";
import { type ChartProps, type Drawing, Figure } from "./Figure.tsx";
import { Point, round } from "./Point.tsx";
import { extent, linear, padded, type Scale, ticks } from "./scale.ts";
import { shortened, textWidth } from "./text.ts";

export interface IntervalValue {
  value: number;
  /** Absent if the interval is unknown. */
  low?: number | undefined;
  high?: number | undefined;
  /** Rests on too little: drawn hollow and dashed. */
  provisional?: boolean | undefined;
}

export interface IntervalRow extends IntervalValue {
  name: string;
}

/** The shortest axis in rating points, so that almost equal ratings do not look far apart. */
export const MIN_RATING_AXIS = 40;

/**
 * Returns the ends of an axis that has all values and the intervals of rows that are not provisional. A provisional
 * interval may be so wide that all others would shrink to dots, so it may be cut.
 */
export function intervalDomain(rows: readonly IntervalValue[], smallest = MIN_RATING_AXIS): [number, number] {
  const ends = rows.flatMap((row) => (row.provisional ? [row.value] : [row.value, row.low, row.high]));
  return padded(extent(ends) ?? [0, 1], 0.05, smallest);
}

/**
 * One row: a bar from low to high with caps, a dot at the value, and an arrow where the bar is cut at an end of the axis.
 */
export function IntervalMark({ row, scale, y }: { row: IntervalValue; scale: Scale; y: number }) {
  const [left, right] = [scale(scale.domain[0]), scale(scale.domain[1])];
  const known = typeof row.low === "number" && typeof row.high === "number";
  const from = known ? scale(row.low as number) : left;
  const to = known ? scale(row.high as number) : right;
  const [x1, x2] = [round(Math.max(from, left)), round(Math.min(to, right))];
  return (
    <g class={row.provisional ? "interval interval-provisional" : "interval"}>
      {known && (
        <line class="whisker" x1={x1} x2={x2} y1={y} y2={y} stroke-dasharray={row.provisional ? "3 3" : undefined} />
      )}
      {known && end(x1, y, from < left, -1)}
      {known && end(x2, y, to > right, 1)}
      <Point x={scale(row.value)} y={y} hollow={row.provisional ?? false} />
    </g>
  );
}

function end(x: number, y: number, cut: boolean, direction: 1 | -1) {
  if (!cut) {
    return <line class="whisker" x1={x} x2={x} y1={y - 4} y2={y + 4} />;
  }
  return (
    <polygon
      class="whisker-cut"
      points={`${x + direction},${y} ${x - 5 * direction},${y - 4} ${x - 5 * direction},${y + 4}`}
    />
  );
}

export interface DotIntervalProps extends ChartProps {
  rows: readonly IntervalRow[];
  /** Rows are drawn as given, or with the highest value first. */
  sorted?: boolean;
  write?: (value: number) => string;
  smallest?: number;
  /** A value that matters, such as no difference: a line through all rows. */
  reference?: { value: number; name: string };
  /** For a chart under a heading that says the same. */
  hideTitle?: boolean;
}

const WIDE_PX = 480;
const AXIS_PX = 24;

export function DotInterval(props: DotIntervalProps) {
  const { write = rating, smallest = MIN_RATING_AXIS, reference } = props;
  const rows = props.sorted === false ? [...props.rows] : [...props.rows].sort((one, other) => other.value - one.value);
  const withReference = reference ? [...rows, { value: reference.value }] : rows;
  const domain = intervalDomain(withReference, smallest);
  const rowPx = (width: number) => (width >= WIDE_PX ? 26 : 42);
  const draw = (width: number): Drawing => {
    const wide = width >= WIDE_PX;
    const each = rowPx(width);
    const widest = Math.max(0, ...rows.map((row) => textWidth(row.name)));
    const names = wide ? Math.min(widest + 12, width * 0.35) : 8;
    const numbers = Math.max(0, ...rows.map((row) => textWidth(printed(row, write)))) + 8;
    const scale = linear(domain, [names, wide ? width - numbers : width - 8]);
    const bottom = rows.length * each;
    const values = ticks(domain, wide ? 6 : 4);
    return {
      body: () => (
        <>
          <AxisX scale={scale} values={values} write={write} across={[0, bottom]} />
          {reference && (
            <line class="reference" x1={scale(reference.value)} x2={scale(reference.value)} y1={0} y2={bottom} />
          )}
          {rows.map((row, index) => {
            const y = index * each + (wide ? each / 2 : 30);
            return (
              <g key={row.name} class={row.provisional ? "row row-provisional" : "row"}>
                <text x={0} y={wide ? y : y - 16} dy="0.35em">
                  <title>{row.name}</title>
                  {shortened(row.name, wide ? names - 12 : width - numbers - 8)}
                </text>
                <text class="figure" x={width} y={wide ? y : y - 16} dy="0.35em" text-anchor="end">
                  {printed(row, write)}
                </text>
                <IntervalMark row={row} scale={scale} y={y} />
              </g>
            );
          })}
        </>
      ),
    };
  };
  const table = {
    columns: [text.name, text.value, text.interval],
    rows: rows.map((row) => [row.name, write(row.value), spoken(interval(row.low, row.high, write)) + note(row)]),
  };
  return (
    <Figure
      title={props.title}
      description={props.description}
      height={(width) => Math.max(1, rows.length) * rowPx(width) + AXIS_PX}
      draw={draw}
      table={table}
      hideTitle={props.hideTitle ?? false}
      tableOpen={props.tableOpen ?? false}
    />
  );
}

function note(row: IntervalValue): string {
  return row.provisional ? ` (${text.provisional})` : "";
}

function printed(row: IntervalValue, write: (value: number) => string): string {
  const ends = interval(row.low, row.high, write);
  return `${row.provisional ? "~" : ""}${write(row.value)}${ends === ABSENT ? "" : `  (${ends})`}`;
}
