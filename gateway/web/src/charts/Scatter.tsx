// Two values of each of many, and the frontier: those that nobody beats on both.

import { charts as text } from "../strings/charts.ts";
import { AxisX, AxisY } from "./Axis.tsx";
import { type ChartProps, type Drawing, emptyDrawing, Figure } from "./Figure.tsx";
import { Point, round, seriesClass } from "./Point.tsx";
import { extent, linear, padded, ticks } from "./scale.ts";
import { shortened, textWidth } from "./text.ts";

export interface Spot {
  name: string;
  x: number;
  y: number;
}

export interface Dimension {
  name: string;
  better: "high" | "low";
  write: (value: number) => string;
  /** The axis begins at zero, as a price does. */
  fromZero?: boolean;
}

export interface ScatterProps extends ChartProps {
  spots: readonly Spot[];
  x: Dimension;
  y: Dimension;
}

const HEIGHT_PX = 320;
const TOP_PX = 24;
const AXIS_PX = 40;
const MAX_LABEL_PX = 140;

/** Returns the indexes of the spots that no other spot beats on both dimensions, from the best x to the best y. */
export function frontier(spots: readonly Spot[], x: Dimension, y: Dimension): number[] {
  const signX = x.better === "low" ? 1 : -1;
  const signY = y.better === "low" ? 1 : -1;
  const order = [...spots.keys()].sort((one, other) => {
    const [first, second] = [spots[one] as Spot, spots[other] as Spot];
    return signX * (first.x - second.x) || signY * (first.y - second.y);
  });
  let best = Number.POSITIVE_INFINITY;
  return order.filter((index) => {
    const value = signY * (spots[index] as Spot).y;
    const kept = value < best;
    best = Math.min(best, value);
    return kept;
  });
}

export function Scatter(props: ScatterProps) {
  const { spots, x: across, y: up } = props;
  const edge = frontier(spots, across, up);
  const [wide, tall] = [extent(spots.map((spot) => spot.x)), extent(spots.map((spot) => spot.y))];
  const order = [...spots.keys()].sort((one, other) => (spots[one] as Spot).x - (spots[other] as Spot).x);
  const about = (spot: Spot, index: number) =>
    [
      spot.name,
      `${across.name} ${across.write(spot.x)}`,
      `${up.name} ${up.write(spot.y)}`,
      ...(edge.includes(index) ? [text.onFrontier] : []),
    ].join(" · ");
  const draw = (width: number): Drawing => {
    if (!wide || !tall) {
      return emptyDrawing(width, HEIGHT_PX);
    }
    const domainY = fromZero(tall, up);
    const marksY = ticks(domainY, 5);
    const left = Math.max(...marksY.map((each) => textWidth(up.write(each)))) + 12;
    const x = linear(fromZero(wide, across), [left + 8, width - 16]);
    const y = linear(domainY, [HEIGHT_PX - AXIS_PX, TOP_PX]);
    const placed = labels(edge, spots, (index) => [x((spots[index] as Spot).x), y((spots[index] as Spot).y)], width);
    return {
      marks: order.map((index) => {
        const spot = spots[index] as Spot;
        return { x: x(spot.x), y: y(spot.y), label: about(spot, index) };
      }),
      body: (active) => (
        <>
          <AxisY
            scale={y}
            values={marksY}
            write={up.write}
            across={[left, width - 16]}
            name={`${up.name} (${better(up)})`}
          />
          <AxisX
            scale={x}
            values={ticks(x.domain, Math.max(2, Math.floor(width / 110)))}
            write={across.write}
            across={[TOP_PX, HEIGHT_PX - AXIS_PX]}
            name={`${across.name} (${better(across)})`}
          />
          <path
            class="frontier"
            d={stairs(edge.map((index) => [x((spots[index] as Spot).x), y((spots[index] as Spot).y)]))}
          />
          {spots.map((spot, index) => (
            <g
              key={`${spot.name} ${index}`}
              class={`${seriesClass(0)} ${edge.includes(index) ? "spot spot-frontier" : "spot"}`}
            >
              <Point x={x(spot.x)} y={y(spot.y)} hollow={!edge.includes(index)} />
            </g>
          ))}
          {placed.map((label) => (
            <text key={label.index} class="halo" x={round(label.x)} y={round(label.y)} text-anchor={label.anchor}>
              {label.name}
            </text>
          ))}
          {active !== null && <Ring spot={spots[order[active] ?? 0]} x={x} y={y} />}
        </>
      ),
    };
  };
  const table = {
    columns: [text.name, across.name, up.name, text.frontier],
    rows: order.map((index) => {
      const spot = spots[index] as Spot;
      return [spot.name, across.write(spot.x), up.write(spot.y), edge.includes(index) ? text.onFrontier : ""];
    }),
  };
  return (
    <Figure
      title={props.title}
      description={props.description}
      height={HEIGHT_PX}
      draw={draw}
      table={table}
      tableOpen={props.tableOpen ?? false}
    />
  );
}

function better(dimension: Dimension): string {
  return dimension.better === "high" ? text.betterHigh : text.betterLow;
}

function fromZero(domain: readonly [number, number], dimension: Dimension): [number, number] {
  if (!dimension.fromZero) {
    return padded(domain, 0.1);
  }
  return [0, domain[1] > 0 ? domain[1] * 1.08 : 1];
}

function Ring({ spot, x, y }: { spot: Spot | undefined; x: (value: number) => number; y: (value: number) => number }) {
  return spot ? <circle class="ring" cx={round(x(spot.x))} cy={round(y(spot.y))} r={10} /> : null;
}

/** Returns steps through places: nothing between two of them is known to exist, so a slope would promise too much. */
function stairs(places: readonly (readonly [number, number])[]): string {
  return places
    .map(([x, y], index) => (index === 0 ? `M${round(x)},${round(y)}` : `H${round(x)}V${round(y)}`))
    .join("");
}

interface Label {
  index: number;
  x: number;
  y: number;
  anchor: "start" | "end";
  name: string;
}

/**
 * Returns labels that do not cover each other. A label that finds no room is left out; the reader and the table have it.
 */
function labels(
  indexes: readonly number[],
  spots: readonly Spot[],
  at: (index: number) => [number, number],
  width: number,
): Label[] {
  const found: Label[] = [];
  const taken: [number, number, number][] = [];
  for (const index of indexes) {
    const [x, y] = at(index);
    const name = shortened((spots[index] as Spot).name, MAX_LABEL_PX);
    const length = textWidth(name);
    const anchor = x + 10 + length > width ? "end" : "start";
    const start = anchor === "start" ? x + 9 : x - 9 - length;
    const free = (top: number) =>
      taken.every(([left, right, other]) => Math.abs(other - top) > 13 || start > right || start + length < left);
    const top = [y - 6, y + 14].find(free);
    if (top !== undefined && start >= 0) {
      taken.push([start, start + length, top]);
      found.push({ index, x: anchor === "start" ? x + 9 : x - 9, y: top, anchor, name });
    }
  }
  return found;
}
