// Values over days with their bands. A day without data holds the last value: a dashed step, without a band.

import { spoken } from "../format/Measured.tsx";
import { interval, rating } from "../format/number.ts";
import { day, month, shortDay } from "../format/time.ts";
import { charts as text } from "../strings/charts.ts";
import { AxisX, AxisY } from "./Axis.tsx";
import { type ChartProps, type Drawing, emptyDrawing, Figure, type Mark } from "./Figure.tsx";
import { Legend, Point, round, seriesClass, seriesDash } from "./Point.tsx";
import { DAY_MS, dayTicks, extent, linear, padded, type Scale, ticks } from "./scale.ts";
import { textWidth } from "./text.ts";

export interface DayValue {
  /** The start of the day in UTC, in milliseconds. */
  at: number;
  value: number;
  low?: number | undefined;
  high?: number | undefined;
  provisional?: boolean | undefined;
}

export interface DaySeries {
  name: string;
  /** Oldest first. */
  days: readonly DayValue[];
}

export interface DayEvent {
  at: number;
  name: string;
}

export interface LineBandProps extends ChartProps {
  series: readonly DaySeries[];
  events?: readonly DayEvent[];
  write?: (value: number) => string;
  /** The shortest height of the value axis, so that noise does not look like change. */
  smallest?: number;
  height?: number;
  /** For a chart under a heading that says the same. */
  hideTitle?: boolean;
}

const TOP_PX = 22;
const AXIS_PX = 26;
const YEAR_DAYS = 300;

export function LineBand(props: LineBandProps) {
  const { series, events = [], write = rating, smallest = 40, height = 260 } = props;
  const all = series.flatMap((each) => each.days);
  const times = extent([...all.map((each) => each.at), ...events.map((each) => each.at)]);
  const values = extent(all.flatMap((each) => (each.provisional ? [each.value] : [each.value, each.low, each.high])));
  const draw = (width: number): Drawing => {
    if (!times || !values) {
      return emptyDrawing(width, height);
    }
    const domain = padded(values, 0.08, smallest);
    const marks = ticks(domain, 5);
    const left = Math.max(...marks.map((each) => textWidth(write(each)))) + 12;
    const x = linear(times[0] === times[1] ? [times[0] - DAY_MS, times[1] + DAY_MS] : times, [left, width - 10]);
    const y = linear(domain, [height - AXIS_PX, TOP_PX]);
    const days = dayTicks(x.domain, Math.max(2, Math.floor((width - left) / 90)));
    const dayFormat = times[1] - times[0] > YEAR_DAYS * DAY_MS ? month : shortDay;
    return {
      marks: readings(series, events, x, write),
      body: (active) => (
        <>
          <AxisY scale={y} values={marks} write={write} across={[left, width - 10]} />
          <AxisX scale={x} values={days} write={dayFormat} across={[TOP_PX, height - AXIS_PX]} />
          {events.map((event) => (
            <g key={`${event.at} ${event.name}`} class="event">
              <line x1={round(x(event.at))} x2={round(x(event.at))} y1={TOP_PX} y2={height - AXIS_PX} />
              <polygon
                points={`${round(x(event.at))},${TOP_PX} ${round(x(event.at)) - 5},${TOP_PX - 9} ${round(x(event.at)) + 5},${TOP_PX - 9}`}
              >
                <title>{event.name}</title>
              </polygon>
            </g>
          ))}
          {series.map((each, index) => (
            <g key={each.name} class={seriesClass(index)}>
              {runs(each.days).map((run) => (
                <path key={run[0]?.at} class="band" d={bandPath(run, x, y)} />
              ))}
              <SeriesLine days={each.days} x={x} y={y} index={index} />
            </g>
          ))}
          {active !== null && (
            <Cursor at={readingDays(series)[active]} series={series} x={x} y={y} across={[TOP_PX, height - AXIS_PX]} />
          )}
        </>
      ),
    };
  };
  const table = {
    columns: [text.day, text.name, text.value, text.interval],
    rows: [
      ...series.flatMap((each) =>
        each.days.map((one) => ({
          at: one.at,
          row: [day(one.at), each.name, write(one.value), spoken(interval(one.low, one.high, write))],
        })),
      ),
      ...events.map((event) => ({ at: event.at, row: [day(event.at), event.name, text.event, ""] })),
    ]
      .sort((one, other) => other.at - one.at)
      .map((each) => each.row),
  };
  return (
    <Figure
      title={props.title}
      description={props.description}
      height={height}
      draw={draw}
      table={table}
      legend={
        series.length > 1 && <Legend entries={series.map((each, index) => ({ name: each.name, series: index }))} />
      }
      hideTitle={props.hideTitle ?? false}
      tableOpen={props.tableOpen ?? false}
    />
  );
}

/** Returns runs of days that follow each other without a gap. */
export function runs(days: readonly DayValue[]): DayValue[][] {
  const found: DayValue[][] = [];
  for (const one of days) {
    const run = found.at(-1);
    const last = run?.at(-1);
    if (run && last && one.at - last.at <= DAY_MS) {
      run.push(one);
    } else {
      found.push([one]);
    }
  }
  return found;
}

/** Returns the outline of the band of a run. Days whose interval is unknown, or provisional, end it. */
export function bandPath(run: readonly DayValue[], x: Scale, y: Scale): string {
  const pieces: DayValue[][] = [[]];
  for (const one of run) {
    if (typeof one.low === "number" && typeof one.high === "number" && !one.provisional) {
      pieces.at(-1)?.push(one);
    } else {
      pieces.push([]);
    }
  }
  return pieces
    .filter((piece) => piece.length > 1)
    .map((piece) => {
      const upper = piece.map((one) => `${round(x(one.at))},${round(y(one.high as number))}`);
      const lower = piece.map((one) => `${round(x(one.at))},${round(y(one.low as number))}`).reverse();
      return `M${upper.join("L")}L${lower.join("L")}Z`;
    })
    .join("");
}

function SeriesLine({ days, x, y, index }: { days: readonly DayValue[]; x: Scale; y: Scale; index: number }) {
  const known = runs(days);
  const line = known
    .filter((run) => run.length > 1)
    .map((run) => `M${run.map((one) => `${round(x(one.at))},${round(y(one.value))}`).join("L")}`)
    .join("");
  return (
    <>
      {line && <path class="line" d={line} stroke-dasharray={seriesDash(index)} />}
      {holdPath(known, x, y) && <path class="line line-held" d={holdPath(known, x, y)} stroke-dasharray="1 4" />}
      {known
        .filter((run) => run.length === 1)
        .map(
          ([one]) =>
            one && (
              <Point
                key={one.at}
                x={x(one.at)}
                y={y(one.value)}
                shape={index}
                hollow={one.provisional ?? false}
                size={3.5}
              />
            ),
        )}
      {endPoint(days, x, y, index)}
    </>
  );
}

/** Returns the steps between runs: the value is held until the next known day, and jumps there. */
export function holdPath(known: readonly (readonly DayValue[])[], x: Scale, y: Scale): string {
  return known
    .slice(1)
    .map((run, index) => {
      const [from, to] = [known[index]?.at(-1), run[0]];
      return from && to ? `M${round(x(from.at))},${round(y(from.value))}H${round(x(to.at))}V${round(y(to.value))}` : "";
    })
    .join("");
}

function endPoint(days: readonly DayValue[], x: Scale, y: Scale, index: number) {
  const last = days.at(-1);
  return last && <Point x={x(last.at)} y={y(last.value)} shape={index} hollow={last.provisional ?? false} />;
}

function readingDays(series: readonly DaySeries[]): number[] {
  return [...new Set(series.flatMap((each) => each.days.map((one) => one.at)))].sort((one, other) => one - other);
}

/** Returns what can be read at each day: the value of every series, and what happened. */
function readings(
  series: readonly DaySeries[],
  events: readonly DayEvent[],
  x: Scale,
  write: (value: number) => string,
): Mark[] {
  return readingDays(series).map((at) => {
    const read = series.map((each) => {
      const one = valueAt(each.days, at);
      if (!one) {
        return `${each.name}: ${text.notYet}`;
      }
      const ends = typeof one.low === "number" ? ` (${interval(one.low, one.high, write)})` : "";
      const held = one.at === at ? "" : `, ${text.held}`;
      return `${each.name}: ${one.provisional ? "~" : ""}${write(one.value)}${ends}${held}`;
    });
    const happened = events.filter((event) => Math.abs(event.at - at) < DAY_MS / 2).map((event) => event.name);
    return { x: x(at), label: [day(at), ...read, ...happened].join(" · ") };
  });
}

/** Returns the value of a day, or the last one before it. */
export function valueAt(days: readonly DayValue[], at: number): DayValue | undefined {
  return days.findLast((one) => one.at <= at);
}

interface CursorProps {
  at: number | undefined;
  series: readonly DaySeries[];
  x: Scale;
  y: Scale;
  across: readonly [number, number];
}

function Cursor({ at, series, x, y, across: [top, bottom] }: CursorProps) {
  if (at === undefined) {
    return null;
  }
  return (
    <g class="cursor">
      <line x1={round(x(at))} x2={round(x(at))} y1={top} y2={bottom} />
      {series.map((each, index) => {
        const one = valueAt(each.days, at);
        return (
          one && (
            <g key={each.name} class={seriesClass(index)}>
              <Point x={x(at)} y={y(one.value)} shape={index} hollow={one.provisional ?? false} />
            </g>
          )
        );
      })}
    </g>
  );
}
