import type { Evaluation, Metric } from "../../../gen/voicearena/scoring/v1/scoring_pb.js";
import { Measured } from "../../format/Measured.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { evaluationStrings as text } from "../../strings/evaluation.ts";
import { type Figure, figuresOf, goodRange, isGood, versionsOf, written } from "./figures.ts";

/** Every number beside its good range, with what measured it, and beside that of the further versions. */
export function Figures({ evaluation, metrics }: { evaluation: Evaluation; metrics: readonly Metric[] }) {
  const figures = figuresOf(evaluation, metrics);
  const bad = figures.filter((figure) => isGood(figure, figure.value) === false).length;
  const columns: Column<Figure>[] = [
    {
      id: "metric",
      heading: text.columns.metric,
      names: true,
      cell: ({ metric }) => <span title={metric.description}>{metric.label}</span>,
    },
    {
      id: "value",
      heading: text.columns.value,
      numeric: true,
      cell: (figure) => <Value figure={figure} value={figure.value} />,
    },
    ...versionsOf(evaluation).map((condition, index) => ({
      id: condition,
      heading: text.conditions[condition] ?? condition,
      numeric: true,
      cell: (figure: Figure) => <Value figure={figure} value={figure.conditions[index]} />,
    })),
    { id: "good", heading: text.columns.good, cell: (figure) => goodRange(figure) },
    { id: "step", heading: text.columns.step, cell: (figure) => <code>{figure.step}</code> },
    { id: "backend", heading: text.columns.backend, cell: (figure) => <code>{figure.backend}</code> },
  ];
  return (
    <>
      <p class="evaluation-note">{bad > 0 ? text.outside(bad) : text.everythingGood}</p>
      <Table
        caption={text.figuresCaption}
        columns={columns}
        rows={figures}
        rowKey={(figure) => `${figure.step} ${figure.metric.name}`}
      />
    </>
  );
}

function Value({ figure, value }: { figure: Figure; value: number | undefined }) {
  const good = isGood(figure, value);
  const shown = <Measured text={written(figure, value)} />;
  if (good === undefined) {
    return shown;
  }
  return (
    <span class={good ? "figure-good" : "figure-bad"}>
      {shown}
      <span aria-hidden="true">{good ? " ✓" : " !"}</span>
      <span class="visually-hidden"> {good ? text.inRange : text.outOfRange}</span>
    </span>
  );
}
