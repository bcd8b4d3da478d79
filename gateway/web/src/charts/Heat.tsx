// A table whose cells have colours. Each cell prints its value and the number it rests on, so the colour only helps.

import { useId } from "preact/hooks";
import { count } from "../format/number.ts";
import { charts as text } from "../strings/charts.ts";
import "./charts.css";
import "./heat.css";

/** Colours go from one hue over grey to another. An odd number has a middle. */
export const HEAT_STEPS = 9;
/** A value that rests on fewer is left blank: it would be noise with a colour. */
export const MIN_N = 10;

export interface HeatCell {
  value: number | null;
  n: number;
  /** Marks a cell that is sure, by a sign beside its colour. */
  sure?: boolean;
  /** What the cell says in full, for its tooltip and for screen readers. */
  about?: string;
}

export interface HeatProps {
  title: string;
  description: string;
  rows: readonly string[];
  columns: readonly string[];
  /** Returns nothing for a cell that can't have a value, such as a model against itself. */
  cell: (row: number, column: number) => HeatCell | null;
  write: (value: number) => string;
  domain: readonly [number, number];
  corner?: string;
  /** What the lowest and the highest colour mean. */
  ends?: readonly [string, string];
  minimum?: number;
}

/** Returns the step of a value between the ends of the domain, 0 to HEAT_STEPS - 1. */
export function heatStep(value: number, [low, high]: readonly [number, number]): number {
  const share = high === low ? 0.5 : (value - low) / (high - low);
  return Math.max(0, Math.min(HEAT_STEPS - 1, Math.floor(share * HEAT_STEPS)));
}

export function Heat(props: HeatProps) {
  const { rows, columns, minimum = MIN_N, ends } = props;
  const id = useId();
  return (
    <figure class="chart heat-figure">
      <figcaption class="chart-title">{props.title}</figcaption>
      <p class="chart-about" id={id}>
        {props.description} {minimum > 1 && text.fewerThan(count(minimum))}
      </p>
      {ends && <HeatLegend ends={ends} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by keyboard, too */}
      <section class="heat-scroll" aria-label={props.title} tabIndex={0}>
        <table class="heat" aria-describedby={id}>
          <caption class="visually-hidden">{props.title}</caption>
          <thead>
            <tr>
              <th scope="col">{props.corner ?? <span class="visually-hidden">{text.name}</span>}</th>
              {columns.map((name) => (
                <th key={name} scope="col" class="heat-column">
                  <span>{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((name, row) => (
              <tr key={name}>
                <th scope="row">
                  <bdi>{name}</bdi>
                </th>
                {columns.map((_, column) => heatCell(props.cell(row, column), props, minimum))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </figure>
  );
}

function heatCell(cell: HeatCell | null, { write, domain }: HeatProps, minimum: number) {
  if (cell === null) {
    return <td class="heat-none" />;
  }
  if (cell.value === null || cell.n < minimum) {
    return (
      <td class="heat-blank" title={cell.about}>
        <span class="visually-hidden">{cell.n === 0 ? text.nothing : text.tooFew(count(cell.n))}</span>
        {cell.n > 0 && <small aria-hidden="true">n={count(cell.n)}</small>}
      </td>
    );
  }
  return (
    <td class={`heat-${heatStep(cell.value, domain)}`} title={cell.about}>
      <span class="heat-value">
        {write(cell.value)}
        {cell.sure && (
          <>
            <span aria-hidden="true">★</span>
            <span class="visually-hidden"> {text.sure}</span>
          </>
        )}
      </span>
      <small>n={count(cell.n)}</small>
    </td>
  );
}

function HeatLegend({ ends: [low, high] }: { ends: readonly [string, string] }) {
  return (
    <p class="heat-legend">
      <span>{low}</span>
      <span class="heat-scale" aria-hidden="true">
        {Array.from({ length: HEAT_STEPS }, (_, step) => (
          <span key={step} class={`heat-${step}`} />
        ))}
      </span>
      <span>{high}</span>
    </p>
  );
}
