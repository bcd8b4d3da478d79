// One among many on several measures: an axis for each measure, with the better end up. Unlike a radar chart it has no
// area, which would grow with the square of the values and with the order of the axes. On a narrow screen the axes lie,
// one under the other, with the better end on the right.

import { spoken } from "../format/Measured.tsx";
import { ABSENT } from "../format/number.ts";
import { charts as text } from "../strings/charts.ts";
import { type ChartProps, type Drawing, Figure } from "./Figure.tsx";
import { Legend, Point, round, seriesClass } from "./Point.tsx";
import { extent, linear, type Scale } from "./scale.ts";
import { shortened, textWidth } from "./text.ts";

export interface Measure {
  name: string;
  better: "high" | "low";
  write: (value: number) => string;
}

export interface Profile {
  name: string;
  /** A value for each measure, null where it was not measured. */
  values: readonly (number | null)[];
}

export interface ParallelAxesProps extends ChartProps {
  measures: readonly Measure[];
  one: Profile;
  field: readonly Profile[];
  /** For a chart under a heading that says the same. */
  hideTitle?: boolean;
}

type Place = readonly [x: number, y: number];
type Domain = readonly [number, number];

const STANDING_PX = 280;
const TOP_PX = 44;
const BOTTOM_PX = 24;
const LYING_PX = 52;
// Under this width of an axis, names and values would cover each other.
const MIN_STANDING_PX = 96;
// More lines than this are a grey area, and slow.
const MAX_FIELD_LINES = 120;

export function ParallelAxes(props: ParallelAxesProps) {
  const { measures, one, field } = props;
  const domains: Domain[] = measures.map(
    (_, index) => extent([one, ...field].map((each) => each.values[index] ?? null)) ?? [0, 1],
  );
  const stands = (width: number) => width / Math.max(1, measures.length) >= MIN_STANDING_PX;
  const draw = (width: number): Drawing => {
    const axes = measures.map((measure, index): AxisPlace => {
      const domain = domains[index] ?? [0, 1];
      return stands(width)
        ? standing(measure, domain, (width / measures.length) * (index + 0.5))
        : lying(measure, domain, LYING_PX * (index + 0.6), width);
    });
    return {
      body: () => (
        <>
          {field.slice(0, MAX_FIELD_LINES).map((line, index) => (
            <path key={index} class="field" d={linePath(line.values, axes)} />
          ))}
          {axes.map((axis, index) => (
            <AxisLine key={index} axis={axis} measure={measures[index]} domain={domains[index]} width={width} />
          ))}
          <g class={`${seriesClass(0)} one`}>
            <path class="line" d={linePath(one.values, axes)} />
            {axes.map((axis, index) => (
              <OnePoint
                key={index}
                axis={axis}
                measure={measures[index]}
                value={one.values[index] ?? null}
                ends={domains[index] ?? []}
              />
            ))}
          </g>
        </>
      ),
    };
  };
  const table = {
    columns: [text.measure, one.name, text.best, text.worst, text.place],
    rows: measures.map((measure, index) => {
      const value = one.values[index] ?? null;
      const others = field.map((other) => other.values[index] ?? null);
      return [
        `${measure.name} (${measure.better === "high" ? text.betterHigh : text.betterLow})`,
        spoken(value === null ? ABSENT : measure.write(value)),
        end(domains[index], measure, "best"),
        end(domains[index], measure, "worst"),
        placeAmong(value, others, measure.better),
      ];
    }),
  };
  const entries = [
    { name: one.name, series: 0 },
    { name: text.field, series: null },
  ];
  return (
    <Figure
      title={props.title}
      description={props.description}
      height={(width) => (stands(width) ? STANDING_PX : measures.length * LYING_PX + 12)}
      draw={draw}
      table={table}
      legend={<Legend entries={entries} />}
      hideTitle={props.hideTitle ?? false}
      tableOpen={props.tableOpen ?? false}
    />
  );
}

/** Where the axis of a measure is, and where a value is on it. */
export interface AxisPlace {
  from: Place;
  to: Place;
  at: (value: number) => Place;
  stands: boolean;
}

/** The better end of an axis that stands is up. */
function standing(measure: Measure, domain: Domain, x: number): AxisPlace {
  const scale = better(measure, domain, [STANDING_PX - BOTTOM_PX, TOP_PX]);
  return { from: [x, STANDING_PX - BOTTOM_PX], to: [x, TOP_PX], at: (value) => [x, scale(value)], stands: true };
}

/** The better end of an axis that lies is on the right. */
function lying(measure: Measure, domain: Domain, y: number, width: number): AxisPlace {
  const scale = better(measure, domain, [8, width - 8]);
  return { from: [8, y], to: [width - 8, y], at: (value) => [scale(value), y], stands: false };
}

function better(measure: Measure, [low, high]: Domain, [worst, best]: Domain): Scale {
  return linear([low, high], measure.better === "high" ? [worst, best] : [best, worst]);
}

interface AxisLineProps {
  axis: AxisPlace;
  measure: Measure | undefined;
  domain: Domain | undefined;
  width: number;
}

function AxisLine({ axis: { from, to, stands }, measure, domain, width }: AxisLineProps) {
  if (!measure) {
    return null;
  }
  const [best, worst] = [end(domain, measure, "best"), end(domain, measure, "worst")];
  return (
    <g class="axis">
      <line x1={round(from[0])} x2={round(to[0])} y1={round(from[1])} y2={round(to[1])} />
      {stands ? (
        <>
          <text class="axis-name" x={round(to[0])} y={12} text-anchor="middle">
            <title>{measure.name}</title>
            {shortened(measure.name, MIN_STANDING_PX - 6)}
          </text>
          <text x={round(to[0])} y={28} text-anchor="middle">
            {best}
          </text>
          <text x={round(from[0])} y={from[1] + BOTTOM_PX - 6} text-anchor="middle">
            {worst}
          </text>
        </>
      ) : (
        <>
          <text class="axis-name" x={width / 2} y={from[1] - 12} text-anchor="middle">
            {measure.name}
          </text>
          <text x={0} y={from[1] - 12}>
            {worst}
          </text>
          <text x={width} y={from[1] - 12} text-anchor="end">
            {best}
          </text>
        </>
      )}
    </g>
  );
}

interface OnePointProps {
  axis: AxisPlace;
  measure: Measure | undefined;
  value: number | null;
  ends: readonly number[];
}

function OnePoint({ axis, measure, value, ends }: OnePointProps) {
  if (value === null || !measure) {
    return null;
  }
  const [x, y] = axis.at(value);
  const label = measure.write(value);
  // A label of an axis that lies stays between its ends.
  const half = textWidth(label) / 2;
  const lyingX = Math.max(axis.from[0] + half, Math.min(x, axis.to[0] - half));
  return (
    <g>
      <Point x={x} y={y} />
      {/* The end of an axis that stands is written beside it already. */}
      {axis.stands ? (
        !ends.includes(value) && (
          <text class="figure halo" x={round(x + 8)} y={round(y - 7)}>
            {label}
          </text>
        )
      ) : (
        <text class="figure halo" x={round(lyingX)} y={round(y + 17)} text-anchor="middle">
          {label}
        </text>
      )}
    </g>
  );
}

/** Returns a line through the known values. It is broken where a value was not measured. */
export function linePath(values: readonly (number | null)[], axes: readonly Pick<AxisPlace, "at">[]): string {
  let path = "";
  let pen = false;
  for (const [index, axis] of axes.entries()) {
    const value = values[index] ?? null;
    if (value !== null) {
      const [x, y] = axis.at(value);
      path += `${pen ? "L" : "M"}${round(x)},${round(y)}`;
    }
    pen = value !== null;
  }
  return path;
}

function end(domain: Domain | undefined, measure: Measure, which: "best" | "worst"): string {
  const [low, high] = domain ?? [0, 1];
  return measure.write((measure.better === "high") === (which === "best") ? high : low);
}

/** Returns its place among the others that were measured, such as 3 of 12. Equal values share a place. */
export function placeAmong(
  value: number | null,
  others: readonly (number | null)[],
  betterEnd: "high" | "low",
): string {
  const known = others.filter((each) => each !== null);
  if (value === null) {
    return spoken(ABSENT);
  }
  const ahead = known.filter((each) => (betterEnd === "high" ? each > value : each < value)).length;
  return text.placeOf(String(ahead + 1), String(known.length + 1));
}
