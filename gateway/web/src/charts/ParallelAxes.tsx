// One among many on several measures: an axis for each measure, with the better end up. Unlike a radar chart it has no
// area, which would grow with the square of the values and with the order of the axes.

import { spoken } from "../format/Measured.tsx";
import { ABSENT } from "../format/number.ts";
import { charts as text } from "../strings/charts.ts";
import { type Drawing, Figure } from "./Figure.tsx";
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

export interface ParallelAxesProps {
  title: string;
  description: string;
  measures: readonly Measure[];
  one: Profile;
  field: readonly Profile[];
  height?: number;
  tableOpen?: boolean;
}

const TOP_PX = 44;
const BOTTOM_PX = 24;
// More lines than this are a grey area, and slow.
const MAX_FIELD_LINES = 120;

export function ParallelAxes(props: ParallelAxesProps) {
  const { measures, one, field, height = 280 } = props;
  const domains: [number, number][] = measures.map(
    (_, index) => extent([one, ...field].map((each) => each.values[index] ?? null)) ?? [0, 1],
  );
  const lines = field.slice(0, MAX_FIELD_LINES);
  const draw = (width: number): Drawing => {
    const each = width / Math.max(1, measures.length);
    const scales = measures.map((measure, index) => axisScale(domains[index] ?? [0, 1], measure.better, height));
    const place = (index: number) => each * (index + 0.5);
    return {
      body: () => (
        <>
          {lines.map((line) => (
            <path key={line.name} class="field" d={linePath(line.values, place, scales)} />
          ))}
          {measures.map((measure, index) => (
            <g key={measure.name} class="axis">
              <line x1={round(place(index))} x2={round(place(index))} y1={TOP_PX} y2={height - BOTTOM_PX} />
              <text class="axis-name" x={round(place(index))} y={12} text-anchor="middle">
                <title>{measure.name}</title>
                {shortened(measure.name, each - 6)}
              </text>
              <text x={round(place(index))} y={28} text-anchor="middle">
                {end(domains[index], measure, "best")}
              </text>
              <text x={round(place(index))} y={height - 6} text-anchor="middle">
                {end(domains[index], measure, "worst")}
              </text>
            </g>
          ))}
          <g class={`${seriesClass(0)} one`}>
            <path class="line" d={linePath(one.values, place, scales)} />
            {measures.map((measure, index) => {
              const value = one.values[index];
              const scale = scales[index];
              if (typeof value !== "number" || !scale) {
                return null;
              }
              const label = measure.write(value);
              const before = index === measures.length - 1;
              return (
                <g key={measure.name}>
                  <Point x={place(index)} y={scale(value)} />
                  {each > textWidth(label) + 14 && (
                    <text
                      class="figure halo"
                      x={place(index) + (before ? -8 : 8)}
                      y={scale(value)}
                      dy="0.35em"
                      text-anchor={before ? "end" : "start"}
                    >
                      {label}
                    </text>
                  )}
                </g>
              );
            })}
          </g>
        </>
      ),
    };
  };
  const table = {
    columns: [text.measure, one.name, text.best, text.worst, text.place],
    rows: measures.map((measure, index) => {
      const value = one.values[index] ?? null;
      return [
        `${measure.name} (${measure.better === "high" ? text.betterHigh : text.betterLow})`,
        spoken(value === null ? ABSENT : measure.write(value)),
        end(domains[index], measure, "best"),
        end(domains[index], measure, "worst"),
        placeAmong(
          value,
          field.map((other) => other.values[index] ?? null),
          measure.better,
        ),
      ];
    }),
  };
  return (
    <Figure
      title={props.title}
      description={props.description}
      height={height}
      draw={draw}
      table={table}
      legend={
        <Legend
          entries={[
            { name: one.name, series: 0 },
            { name: text.field, series: null },
          ]}
        />
      }
      tableOpen={props.tableOpen ?? false}
    />
  );
}

/** The better end of an axis is always up. */
function axisScale(domain: readonly [number, number], better: "high" | "low", height: number): Scale {
  const range: [number, number] = better === "high" ? [height - BOTTOM_PX, TOP_PX] : [TOP_PX, height - BOTTOM_PX];
  return linear(domain, range);
}

/** Returns a line through the known values. It is broken where a value was not measured. */
export function linePath(
  values: readonly (number | null)[],
  place: (index: number) => number,
  scales: readonly Scale[],
): string {
  let path = "";
  let pen = false;
  for (const [index, value] of values.entries()) {
    const scale = scales[index];
    if (value === null || !scale) {
      pen = false;
    } else {
      path += `${pen ? "L" : "M"}${round(place(index))},${round(scale(value))}`;
      pen = true;
    }
  }
  return path;
}

function end(domain: readonly [number, number] | undefined, measure: Measure, which: "best" | "worst"): string {
  const [low, high] = domain ?? [0, 1];
  return measure.write((measure.better === "high") === (which === "best") ? high : low);
}

/** Returns its place among the others that were measured, such as 3 of 12. Equal values share a place. */
export function placeAmong(value: number | null, others: readonly (number | null)[], better: "high" | "low"): string {
  const known = others.filter((each) => each !== null);
  if (value === null) {
    return spoken(ABSENT);
  }
  const ahead = known.filter((each) => (better === "high" ? each > value : each < value)).length;
  return text.placeOf(String(ahead + 1), String(known.length + 1));
}
