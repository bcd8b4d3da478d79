import type { HeadToHead as Pair, Results } from "../../../gen/voicearena/experiments/v1/results_pb.js";
import { Heat } from "../../charts/Heat.tsx";
import { Measured } from "../../format/Measured.tsx";
import { ABSENT, count, interval, percent } from "../../format/number.ts";
import { Section } from "../../parts/Page.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { experiments } from "../../strings/experiments.ts";
import { voiceName } from "../../words/voice.ts";
import { difference, metricName, pValue } from "./names.ts";
import { meetingOf } from "./pairs.ts";

const text = experiments.pairs;

/** Who beat whom, as a heat map, and by how much, as a table. */
export function HeadToHead({ results, byPeople }: { results: Results; byPeople: boolean }) {
  const names = results.rankings.map(voiceName);
  const metric = results.primaryMetric;
  const hasVotes = results.headToHead.some((pair) => pair.votes);
  const columns: Column<Pair>[] = [
    {
      id: "pair",
      heading: text.pair,
      cell: (pair) => (
        <>
          <bdi>{pair.modelA}</bdi> – <bdi>{pair.modelB}</bdi>
        </>
      ),
    },
    {
      id: "effect",
      heading: text.effect(metricName(metric)),
      numeric: true,
      cell: (pair) => <Measured text={difference(pair.effect, metric)} />,
    },
    {
      id: "interval",
      heading: text.interval,
      numeric: true,
      cell: (pair) => (
        <Measured text={interval(pair.effectLow, pair.effectHigh, (value) => difference(value, metric))} />
      ),
    },
    {
      id: "chance",
      heading: text.chance,
      numeric: true,
      cell: (pair) => <Measured text={pValue(byPeople ? pair.votes?.pHolm : pair.pHolm)} />,
    },
    {
      id: "favours",
      heading: text.favours,
      cell: (pair) => (pair.favours === undefined ? text.nobody : <bdi>{pair.favours}</bdi>),
    },
    { id: "texts", heading: text.texts, numeric: true, cell: (pair) => count(pair.pairs) },
  ];
  const votes: Column<Pair> = {
    id: "votes",
    heading: text.votes,
    numeric: true,
    cell: ({ votes: cast }) =>
      cast ? `${count(cast.a)}–${count(cast.b)}–${count(cast.ties + cast.bothBad)}` : <Measured text={ABSENT} />,
  };
  return (
    <>
      <Heat
        title={byPeople ? text.heatVotes : text.heatSpeed}
        description={byPeople ? text.heatVotesAbout : text.heatSpeedAbout}
        rows={names}
        columns={names}
        cell={(row, column) => {
          const [one, other] = [names[row] ?? "", names[column] ?? ""];
          const found = row === column ? null : meetingOf(results, one, other, byPeople);
          return (
            found && {
              value: found.share,
              n: found.wins + found.losses + found.ties,
              sure: found.sure,
              about: text.about(one, other, found.wins, found.losses, found.ties),
            }
          );
        }}
        write={(value) => percent(value)}
        domain={[0, 1]}
        ends={byPeople ? text.preference : text.speed}
        minimum={1}
      />
      <Section title={text.title}>
        <Table
          caption={text.title}
          columns={hasVotes ? [...columns, votes] : columns}
          rows={results.headToHead}
          rowKey={(pair) => `${pair.modelA} ${pair.modelB}`}
        />
      </Section>
    </>
  );
}
