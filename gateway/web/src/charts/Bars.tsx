// Amounts by day, as bars from zero. Several series stand behind each other: the parts lie within the whole.

import { count, shortCount } from "../format/number.ts";
import { day, dayMs, month, shortDay } from "../format/time.ts";
import { charts as text } from "../strings/charts.ts";
import { AxisX, AxisY } from "./Axis.tsx";
import { type ChartProps, type Drawing, Figure } from "./Figure.tsx";
import { Legend, round, seriesClass } from "./Point.tsx";
import { DAY_MS, dayTicks, linear, ticks } from "./scale.ts";
import { textWidth } from "./text.ts";

export interface BarDay {
  /** The day in UTC, as 2026-11-26. */
  date: string;
  /** An amount for each series. */
  amounts: readonly number[];
}

export interface BarsProps extends ChartProps {
  series: readonly string[];
  /** Oldest first, days without anything included. */
  days: readonly BarDay[];
}

const HEIGHT_PX = 200;
const TOP_PX = 12;
const AXIS_PX = 26;
const MANY_DAYS = 300;

export function Bars(props: BarsProps) {
  const { series, days } = props;
  const highest = Math.max(1, ...days.flatMap((one) => one.amounts));
  const draw = (width: number): Drawing => {
    const domain: [number, number] = [0, highest * 1.05];
    // Amounts are whole, so an axis up to 1 has no 0.5.
    const marks = ticks(domain, 4).filter((each) => Number.isInteger(each));
    const left = Math.max(...marks.map((each) => textWidth(shortCount(each)))) + 12;
    const y = linear(domain, [HEIGHT_PX - AXIS_PX, TOP_PX]);
    const slot = (width - left) / Math.max(1, days.length);
    const first = dayMs(days[0]?.date ?? "") ?? 0;
    const x = linear([first, first + Math.max(1, days.length) * DAY_MS], [left, width]);
    const named = dayTicks([first, first + (days.length - 1) * DAY_MS], Math.max(2, Math.floor((width - left) / 90)));
    // Bars become thinner with each series, so that one before another leaves it in view.
    const thick = (index: number) => Math.max(0.6, slot * (slot > 4 ? 0.8 : 1) * (1 - index / (series.length + 0.5)));
    return {
      marks: days.map((one, index) => ({ x: left + slot * (index + 0.5), label: reading(one, series) })),
      body: (active) => (
        <>
          <AxisY scale={y} values={marks} write={shortCount} across={[left, width]} />
          <AxisX
            scale={x}
            values={named.map((each) => each + DAY_MS / 2)}
            write={(middle) => (days.length > MANY_DAYS ? month : shortDay)(middle - DAY_MS / 2)}
            across={[HEIGHT_PX - AXIS_PX, HEIGHT_PX - AXIS_PX]}
          />
          {active !== null && (
            <rect
              class="cursor-slot"
              x={round(left + slot * active)}
              y={TOP_PX}
              width={round(slot)}
              height={HEIGHT_PX - AXIS_PX - TOP_PX}
            />
          )}
          {series.map((name, index) => (
            <g key={name} class={`${seriesClass(index)} bars`}>
              {days.map((one, at) => {
                const amount = one.amounts[index] ?? 0;
                const top = y(amount);
                return amount > 0 ? (
                  <rect
                    key={one.date}
                    x={round(left + slot * (at + 0.5) - thick(index) / 2)}
                    y={round(top)}
                    width={round(thick(index))}
                    height={round(HEIGHT_PX - AXIS_PX - top)}
                  />
                ) : null;
              })}
            </g>
          ))}
        </>
      ),
    };
  };
  const table = {
    columns: [text.day, ...series],
    rows: days.map((one) => [day(one.date), ...series.map((_, index) => count(one.amounts[index]))]).reverse(),
  };
  return (
    <Figure
      title={props.title}
      description={props.description}
      height={HEIGHT_PX}
      draw={draw}
      table={table}
      legend={
        series.length > 1 && <Legend lines={false} entries={series.map((name, index) => ({ name, series: index }))} />
      }
      tableOpen={props.tableOpen ?? false}
    />
  );
}

function reading(one: BarDay, series: readonly string[]): string {
  return [day(one.date), ...series.map((name, index) => `${name} ${count(one.amounts[index])}`)].join(" · ");
}
