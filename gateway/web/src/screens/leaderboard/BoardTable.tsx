import type { LeaderboardRow } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { intervalDomain } from "../../charts/DotInterval.tsx";
import { IntervalCell } from "../../charts/IntervalCell.tsx";
import { milliseconds } from "../../format/duration.ts";
import { Measured } from "../../format/Measured.tsx";
import { dollars } from "../../format/money.ts";
import { count, decimal, percent, rating } from "../../format/number.ts";
import { type Column, type Sort, Table } from "../../parts/Table.tsx";
import { leaderboard as text } from "../../strings/leaderboard.ts";
import { AVERAGE_RATING, failureShare, groupStarts, rankRange, sorted } from "./board.ts";

interface BoardTableProps {
  caption: string;
  rows: readonly LeaderboardRow[];
  sort: Sort;
  onSort: (sort: Sort) => void;
}

/** A row for each model: its ranks, its rating and interval, and what it was measured by. */
export function BoardTable({ caption, rows, sort, onSort }: BoardTableProps) {
  const ordered = sorted(rows, sort);
  const starts = sort.by === "rank" && !sort.descending ? groupStarts(ordered) : new Set<string>();
  const domain = intervalDomain(rows.map(intervalOf));
  return (
    <div class="board-table">
      <Table
        caption={caption}
        columns={columnsOf(domain)}
        rows={ordered}
        rowKey={(row) => row.modelId}
        rowClass={(row) =>
          [row.provisional ? "board-provisional" : "", starts.has(row.modelId) ? "board-group" : ""].join(" ").trim() ||
          undefined
        }
        sort={sort}
        onSort={onSort}
      />
    </div>
  );
}

function intervalOf(row: LeaderboardRow) {
  return { value: row.rating, low: row.ratingLow, high: row.ratingHigh, provisional: row.provisional };
}

function columnsOf(domain: readonly [number, number]): Column<LeaderboardRow>[] {
  const { columns } = text;
  return [
    { id: "rank", heading: columns.rank, cell: rankRange, numeric: true, sortable: true },
    { id: "name", heading: columns.name, cell: (row) => <ModelName row={row} />, names: true },
    {
      id: "interval",
      heading: columns.interval(rating(domain[0]), rating(domain[1])),
      cell: (row) => <IntervalCell row={intervalOf(row)} domain={domain} reference={AVERAGE_RATING} />,
    },
    { id: "rating", heading: columns.rating, cell: (row) => <Rating row={row} />, numeric: true, sortable: true },
    { id: "battles", heading: columns.battles, cell: (row) => count(row.totalBattles), numeric: true, sortable: true },
    { id: "win_rate", heading: columns.win_rate, cell: (row) => <Won row={row} />, numeric: true, sortable: true },
    measured("word_errors", columns.word_errors, (row) => percent(row.avgWer, 1)),
    measured("quality", columns.quality, (row) => decimal(row.avgQuality)),
    measured("meaning", columns.meaning, (row) => decimal(row.avgSemascore)),
    measured("prosody", columns.prosody, (row) => decimal(row.avgProsody)),
    measured("failures", columns.failures, (row) => percent(failureShare(row), 1)),
    measured("latency", columns.latency, (row) => milliseconds(row.medianTtfaMs)),
    measured("price", columns.price, (row) => dollars(row.costPer1000Characters)),
    measured("elo", columns.elo, (row) => rating(row.eloRating)),
  ];
}

function measured(id: string, heading: string, write: (row: LeaderboardRow) => string): Column<LeaderboardRow> {
  return { id, heading, cell: (row) => <Measured text={write(row)} />, numeric: true, sortable: true };
}

function ModelName({ row }: { row: LeaderboardRow }) {
  return (
    <>
      <a href={`/models/${row.modelId}`}>
        <bdi>{row.name}</bdi>
      </a>
      <span class="board-provider">
        {[row.provider, ...(row.withdrawn ? [text.withdrawn] : [])].filter(Boolean).join(" · ")}
      </span>
    </>
  );
}

function Rating({ row }: { row: LeaderboardRow }) {
  const isKnown = row.ratingLow !== undefined && row.ratingHigh !== undefined;
  const half = isKnown ? ((row.ratingHigh as number) - (row.ratingLow as number)) / 2 : undefined;
  return (
    <span class="board-rating">
      {row.provisional && (
        <>
          <span aria-hidden="true">~</span>
          <span class="visually-hidden">{text.provisional} </span>
        </>
      )}
      {rating(row.rating)}{" "}
      <small>
        {half === undefined ? (
          <Measured text={rating(half)} reason={text.unknownInterval} />
        ) : (
          text.plusMinus(rating(half))
        )}
      </small>
    </span>
  );
}

function Won({ row }: { row: LeaderboardRow }) {
  const votes = text.votes(count(row.wins), count(row.losses), count(row.ties), count(row.bothBad));
  return (
    <span title={votes}>
      <Measured text={percent(row.winRate)} />
    </span>
  );
}
