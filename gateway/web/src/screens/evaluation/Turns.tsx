import { seconds } from "../../format/duration.ts";
import { Measured } from "../../format/Measured.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { evaluationStrings as text } from "../../strings/evaluation.ts";
import { isLong } from "./Timeline.tsx";
import type { Turn } from "./turns.ts";

/** The table behind the lanes of the speakers. */
export function Turns({ turns, goodGap }: { turns: readonly Turn[]; goodGap: number | undefined }) {
  const columns: Column<Turn>[] = [
    { id: "speaker", heading: text.turnColumns.speaker, cell: (turn) => <bdi>{turn.speaker}</bdi> },
    { id: "from", heading: text.turnColumns.from, numeric: true, cell: (turn) => seconds(turn.start) },
    { id: "to", heading: text.turnColumns.to, numeric: true, cell: (turn) => seconds(turn.end) },
    { id: "length", heading: text.turnColumns.length, numeric: true, cell: (turn) => seconds(turn.end - turn.start) },
    {
      id: "gap",
      heading: text.turnColumns.gap,
      numeric: true,
      cell: (turn) => (
        <span class={isLong(turn, goodGap) ? "figure-bad" : undefined}>
          <Measured text={seconds(turn.gap)} />
          {isLong(turn, goodGap) && " !"}
        </span>
      ),
    },
  ];
  return (
    <details class="evaluation-details">
      <summary>{text.turns}</summary>
      <Table caption={text.turns} columns={columns} rows={turns} rowKey={(turn) => `${turn.speaker} ${turn.start}`} />
    </details>
  );
}
