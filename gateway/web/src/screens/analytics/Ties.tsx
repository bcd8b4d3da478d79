import { useMemo } from "preact/hooks";
import type { GetSummaryResponse_ScenarioTies } from "../../../gen/voicearena/elo/v1/analytics_service_pb.js";
import { count, percent } from "../../format/number.ts";
import { Empty } from "../../parts/Empty.tsx";
import { Section } from "../../parts/Page.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { analyticsTexts } from "../../strings/analytics.ts";

const { ties: text } = analyticsTexts;
// As docs/arena.md says of the draw of scenarios.
const DULL_SHARE = 0.6;

type Ties = GetSummaryResponse_ScenarioTies;

/** Which scenarios say little about voices. */
export function Ties({ ties }: { ties: readonly Ties[] }) {
  const columns = useMemo<Column<Ties>[]>(
    () => [
      {
        id: "name",
        heading: text.scenario,
        names: true,
        cell: (row) => (
          <a href={`/scenarios?id=${encodeURIComponent(row.scenarioId)}`}>
            <bdi>{row.name}</bdi>
          </a>
        ),
      },
      { id: "votes", heading: text.votes, numeric: true, cell: (row) => count(row.votes) },
      {
        id: "share",
        heading: text.share,
        numeric: true,
        cell: (row) => (
          <>
            {percent(row.tieShare)}
            {row.tieShare > DULL_SHARE && <small class="analytics-dull"> {text.drawnLess}</small>}
          </>
        ),
      },
    ],
    [],
  );
  return (
    <Section title={text.title}>
      <p class="analytics-note">{text.lead}</p>
      {ties.length === 0 ? (
        <Empty title={text.empty} text={text.emptyText} command={analyticsTexts.emptyCommand} />
      ) : (
        <Table caption={text.title} columns={columns} rows={ties} rowKey={(row) => row.scenarioId} />
      )}
    </Section>
  );
}
