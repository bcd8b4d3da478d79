// The frame of every chart: a title, a description for screen readers, the drawing, a reader of its values that works
// by keyboard, touch and pointer, and the table behind it.

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "../format/number.ts";
import { charts as text } from "../strings/charts.ts";
import "./charts.css";

const DEFAULT_WIDTH = 640;
// A longer table is no longer read, and makes the page slow. CSV has all of it.
const MAX_TABLE_ROWS = 500;

/** A place in the drawing whose value is not printed beside it. */
export interface Mark {
  x: number;
  y?: number;
  label: string;
}

export interface Drawing {
  marks?: readonly Mark[];
  /** Draws the chart; `active` is the index of the mark that is being read. */
  body: (active: number | null) => ComponentChildren;
}

export interface ChartTable {
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

/** What every chart is given for its figure. */
export interface ChartProps {
  title: string;
  description: string;
  tableOpen?: boolean;
}

export interface FigureProps extends ChartProps {
  /** The height is fixed, so that nothing moves when the width becomes known. */
  height: number | ((width: number) => number);
  draw: (width: number) => Drawing;
  table: ChartTable;
  /** What the chart's colours, shapes and lines stand for. */
  legend?: ComponentChildren;
  /** A chart inside a table row or a card has its title there already. */
  hideTitle?: boolean;
}

/** Returns the drawing of a chart without data. */
export function emptyDrawing(width: number, height: number): Drawing {
  return {
    body: () => (
      <text x={width / 2} y={height / 2} text-anchor="middle">
        {text.empty}
      </text>
    ),
  };
}

export function Figure(props: FigureProps) {
  const id = useId();
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const [active, setActive] = useState<number | null>(null);
  const height = typeof props.height === "number" ? props.height : props.height(width);
  const { marks = [], body } = props.draw(width);
  const read = active === null || marks.length === 0 ? null : Math.min(active, marks.length - 1);
  const readAt = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGSVGElement).getBoundingClientRect();
    const scale = box.width > 0 ? width / box.width : 1;
    setActive(nearest(marks, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale));
  };
  const reader = marks.length === 0 ? {} : { onPointerMove: readAt, onPointerDown: readAt };
  return (
    <figure class="chart">
      <figcaption class={props.hideTitle ? "visually-hidden" : "chart-title"}>{props.title}</figcaption>
      {props.legend}
      <div class="chart-frame" ref={frame}>
        <svg
          viewBox={`0 0 ${width} ${height}`}
          width="100%"
          height={height}
          preserveAspectRatio="xMinYMin meet"
          role="img"
          aria-labelledby={`${id}-title ${id}-about`}
          {...reader}
        >
          <title id={`${id}-title`}>{props.title}</title>
          <desc id={`${id}-about`}>{props.description}</desc>
          {body(read)}
        </svg>
      </div>
      {marks.length > 0 && (
        <div class="chart-reader">
          <input
            type="range"
            min={0}
            max={marks.length - 1}
            step={1}
            value={read ?? 0}
            disabled={marks.length < 2}
            aria-label={text.stepThrough(props.title)}
            aria-valuetext={marks[read ?? 0]?.label}
            onInput={(event) => setActive(Number(event.currentTarget.value))}
            onFocus={() => setActive(read ?? 0)}
          />
          <span class="chart-reading" aria-hidden="true">
            {read === null ? text.readHint : marks[read]?.label}
          </span>
        </div>
      )}
      <TableBehind table={props.table} title={props.title} open={props.tableOpen ?? false} />
    </figure>
  );
}

/** Its rows are made when somebody opens it, so that a page with ten charts stays small. */
function TableBehind({ table, title, open }: { table: ChartTable; title: string; open: boolean }) {
  const [shown, setShown] = useState(open);
  const rows = table.rows.slice(0, MAX_TABLE_ROWS);
  return (
    <details class="chart-table" open={shown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>{text.asTable}</summary>
      {shown && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by keyboard, too
        <section class="chart-table-scroll" aria-label={title} tabIndex={0}>
          <table>
            <thead>
              <tr>
                {table.columns.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, column) => (column === 0 ? <th scope="row">{cell}</th> : <td>{cell}</td>))}
                </tr>
              ))}
            </tbody>
          </table>
          {rows.length < table.rows.length && <p>{text.rowsLeftOut(count(rows.length), count(table.rows.length))}</p>}
        </section>
      )}
    </details>
  );
}

/** Returns the index of the mark nearest to a place, or null without marks. Marks without a height count by x alone. */
export function nearest(marks: readonly Mark[], x: number, y: number): number | null {
  let found: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const [index, mark] of marks.entries()) {
    const distance = Math.hypot(mark.x - x, mark.y === undefined ? 0 : mark.y - y);
    if (distance < least) {
      least = distance;
      found = index;
    }
  }
  return found;
}

/** Returns the width of the element in pixels, so that text keeps its size whatever the width of the window. */
function useWidth(frame: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(DEFAULT_WIDTH);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) {
      return;
    }
    const measure = () => element.clientWidth > 0 && setWidth(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame]);
  return width;
}
