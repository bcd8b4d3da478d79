import type { ModelRanking, Results } from "../../../gen/voicearena/experiments/v1/results_pb.js";
import { milliseconds } from "../../format/duration.ts";
import { Measured } from "../../format/Measured.tsx";
import { count, decimal, percent } from "../../format/number.ts";
import { Section } from "../../parts/Page.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { experiments } from "../../strings/experiments.ts";
import { voiceName } from "../../words/voice.ts";

const text = experiments.verdict;

/** A column of means. It is left out if no voice has a value. */
interface Mean {
  id: string;
  heading: string;
  of: (each: ModelRanking) => number | undefined;
  write: (value: number | undefined) => string;
}

const share = (value: number | undefined) => percent(value, 1);

const MEANS: readonly Mean[] = [
  { id: "score", heading: text.score, of: (each) => each.compositeScore, write: (value) => decimal(value, 3) },
  { id: "preference", heading: text.preference, of: (each) => each.preferenceShare, write: share },
  { id: "ttfb", heading: text.ttfb, of: (each) => each.avgTtfbMs, write: milliseconds },
  { id: "total", heading: text.total, of: (each) => each.avgGenerationTimeMs, write: milliseconds },
  { id: "errors", heading: text.errors, of: (each) => each.avgWordErrorRate, write: share },
  { id: "hard", heading: text.hard, of: (each) => each.avgHardWordAccuracy, write: share },
  { id: "quality", heading: text.quality, of: (each) => each.avgSignalQualityMos, write: (value) => decimal(value) },
  { id: "silence", heading: text.silence, of: (each) => each.avgSilenceRatio, write: share },
];

/** The voices, best first, with their means. */
export function Ranking({ results }: { results: Results }) {
  const { rankings } = results;
  const means = MEANS.filter(({ of }) => rankings.some((each) => of(each) !== undefined));
  const columns: Column<ModelRanking>[] = [
    { id: "rank", heading: text.rank, numeric: true, cell: (each) => count(each.rank) },
    {
      id: "voice",
      heading: text.voice,
      names: true,
      cell: (each) => (
        <>
          <bdi>{voiceName(each)}</bdi>
          {each.ruledOut !== undefined && (
            <span class="ruled-out" title={each.ruledOut}>
              {" "}
              {text.ruledOut}
            </span>
          )}
        </>
      ),
    },
    ...means.map(
      (mean): Column<ModelRanking> => ({
        id: mean.id,
        heading: mean.heading,
        numeric: true,
        cell: (each) => <Measured text={mean.write(mean.of(each))} />,
      }),
    ),
    {
      id: "trials",
      heading: text.trials,
      numeric: true,
      cell: (each) => `${count(each.trialsCompleted)}/${count(each.trialsCompleted + each.trialsFailed)}`,
    },
  ];
  return <Table caption={text.ranking} columns={columns} rows={rankings} rowKey={voiceName} />;
}

interface ComponentRow {
  metric: string;
  weight: number;
  scores: (number | undefined)[];
}

/** What the score of each voice is made of. */
export function Components({ results }: { results: Results }) {
  const { rankings, composite } = results;
  const rows: ComponentRow[] = (composite?.weights ?? []).map(({ metric, weight }) => ({
    metric,
    weight,
    scores: rankings.map((each) => each.components.find((component) => component.metric === metric)?.score),
  }));
  const columns: Column<ComponentRow>[] = [
    { id: "metric", heading: text.components, cell: (row) => row.metric.replaceAll("_", " ") },
    { id: "weight", heading: text.weight, numeric: true, cell: (row) => percent(row.weight, 1) },
    ...rankings.map(
      (each, place): Column<ComponentRow> => ({
        id: voiceName(each),
        heading: voiceName(each),
        numeric: true,
        cell: (row) => <Measured text={decimal(row.scores[place], 3)} />,
      }),
    ),
  ];
  return rows.length === 0 ? null : (
    <Section title={text.components}>
      <p class="muted">{text.componentsAbout(composite?.name ?? "", composite?.version ?? 0)}</p>
      <Table caption={text.components} columns={columns} rows={rows} rowKey={(row) => row.metric} />
    </Section>
  );
}
