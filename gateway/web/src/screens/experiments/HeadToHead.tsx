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
  const pair: Column<Pair> = {
    id: "pair",
    heading: text.pair,
    cell: ({ modelA, modelB }) => (
      <>
        <bdi>{modelA}</bdi> – <bdi>{modelB}</bdi>
      </>
    ),
  };
  const measured: Column<Pair>[] = [
    {
      id: "effect",
      heading: text.effect(metricName(metric)),
      numeric: true,
      cell: ({ effect }) => <Measured text={difference(effect, metric)} />,
    },
    {
      id: "interval",
      heading: text.interval,
      numeric: true,
      cell: ({ effectLow, effectHigh }) => (
        <Measured text={interval(effectLow, effectHigh, (value) => difference(value, metric))} />
      ),
    },
    { id: "chance", heading: text.chance, numeric: true, cell: ({ pHolm }) => <Measured text={pValue(pHolm)} /> },
    {
      id: "favours",
      heading: text.favours,
      cell: ({ favours }) => (favours === undefined ? text.nobody : <bdi>{favours}</bdi>),
    },
    { id: "texts", heading: text.texts, numeric: true, cell: ({ pairs }) => count(pairs) },
  ];
  const voted: Column<Pair>[] = [
    {
      id: "votes",
      heading: text.votes,
      numeric: true,
      cell: ({ votes }) =>
        votes ? `${count(votes.a)}–${count(votes.b)}–${count(votes.ties + votes.bothBad)}` : <Measured text={ABSENT} />,
    },
    {
      id: "votes_chance",
      heading: text.votesChance,
      numeric: true,
      cell: ({ votes }) => <Measured text={pValue(votes?.pHolm)} />,
    },
  ];
  // What decides comes first.
  const columns = byPeople ? [pair, ...voted, ...measured] : [pair, ...measured, ...(hasVotes ? voted : [])];
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
          columns={columns}
          rows={results.headToHead}
          rowKey={(pair) => `${pair.modelA} ${pair.modelB}`}
        />
      </Section>
    </>
  );
}
