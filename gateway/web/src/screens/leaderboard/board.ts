// What the leaderboard shows, as pure functions of a board: scope, order, groups of ranks, and CSV.

import type { Leaderboard, LeaderboardRow } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { Leaderboard_Board } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { count } from "../../format/number.ts";
import { csv } from "../../parts/download.ts";
import type { Sort } from "../../parts/Table.tsx";

/** The state in the URL. `own` in `scope` is the caller's own board. */
export const DEFAULTS = {
  board: "hybrid",
  category: "",
  language: "",
  scope: "",
  tab: "ranking",
  sort: "rank",
  order: "",
  models: "",
  from: "0",
};

export type State = typeof DEFAULTS;

/** The average rating of the models, by the definition of the scale. */
export const AVERAGE_RATING = 1500;

/** A board to ask for. */
export interface Selection {
  board: Leaderboard_Board;
  category: string;
  language: string;
  private: boolean;
}

const BOARDS = new Map([
  ["hybrid", Leaderboard_Board.hybrid],
  ["human", Leaderboard_Board.human],
  ["metrics", Leaderboard_Board.metrics],
]);

/** Returns the name of the board in the URL. An unknown one is the default. */
export function boardName({ board }: Pick<State, "board">): string {
  return BOARDS.has(board) ? board : DEFAULTS.board;
}

/** Returns the board that the URL names. */
export function selectionOf(state: State): Selection {
  const { category, language, scope } = state;
  const board = BOARDS.get(boardName(state)) ?? Leaderboard_Board.hybrid;
  return { board, category, language, private: scope === "own" };
}

/** Returns a text that is equal for equal selections. */
export function selectionKey({ board, category, language, private: isPrivate }: Selection): string {
  return JSON.stringify([board, category, language, isPrivate]);
}

interface Order {
  value: (row: LeaderboardRow) => number | undefined;
  /** Which end is first when somebody sorts by it. */
  best: "high" | "low";
}

/** The columns that sort. Where the API can sort by a column, it has its name there. */
export const ORDERS: Record<string, Order> = {
  rank: { value: (row) => row.rank, best: "low" },
  rating: { value: (row) => row.rating, best: "high" },
  elo: { value: (row) => row.eloRating, best: "high" },
  battles: { value: (row) => row.totalBattles, best: "high" },
  win_rate: { value: (row) => row.winRate, best: "high" },
  word_errors: { value: (row) => row.avgWer, best: "low" },
  quality: { value: (row) => row.avgQuality, best: "high" },
  meaning: { value: (row) => row.avgSemascore, best: "high" },
  prosody: { value: (row) => row.avgProsody, best: "high" },
  failures: { value: failureShare, best: "low" },
  latency: { value: (row) => row.medianTtfaMs, best: "low" },
  price: { value: (row) => row.costPer1000Characters, best: "low" },
};

/** Returns the share of the requests for speech that fail. */
export function failureShare({ reliability }: LeaderboardRow): number | undefined {
  return reliability === undefined ? undefined : 1 - reliability;
}

/** Returns the order that the URL names, the best first unless it says otherwise. */
export function sortOf({ sort, order }: State): Sort {
  const by = Object.hasOwn(ORDERS, sort) ? sort : "rank";
  const best = ORDERS[by]?.best === "high" ? "descending" : "ascending";
  return { by, descending: (order === "" ? best : order) === "descending" };
}

/** Returns the state of the URL after a click on a heading: the best first, and turned by a second click. */
export function sortClicked(current: Sort, clicked: Sort): Pick<State, "sort" | "order"> {
  if (current.by !== clicked.by) {
    return { sort: clicked.by, order: "" };
  }
  const isBest = (ORDERS[clicked.by]?.best === "high") === clicked.descending;
  return { sort: clicked.by, order: isBest ? "" : clicked.descending ? "descending" : "ascending" };
}

/** Returns the rows in an order. What was not measured is last either way; equal rows stay in the order of the board. */
export function sorted(rows: readonly LeaderboardRow[], { by, descending }: Sort): LeaderboardRow[] {
  const value = ORDERS[by]?.value ?? ((row: LeaderboardRow) => row.rank);
  return [...rows].sort((one, other) => {
    const [first, second] = [value(one), value(other)];
    if (first === undefined || second === undefined) {
      return Number(first === undefined) - Number(second === undefined);
    }
    return descending ? second - first : first - second;
  });
}

/** Returns ranks such as 2–5, or 2 if the model is surely between the others. */
export function rankRange(row: Pick<LeaderboardRow, "rank" | "rankWorst">): string {
  return row.rank === row.rankWorst ? count(row.rank) : `${count(row.rank)}–${count(row.rankWorst)}`;
}

/** Returns the models that begin a group: their rank is another than that of the row before. */
export function groupStarts(rows: readonly LeaderboardRow[]): Set<string> {
  return new Set(
    rows.filter((row, index) => index > 0 && row.rank !== rows[index - 1]?.rank).map((row) => row.modelId),
  );
}

const CSV_COLUMNS: readonly [string, (row: LeaderboardRow) => string | number | boolean | undefined][] = [
  ["rank", (row) => row.rank],
  ["rank_worst", (row) => row.rankWorst],
  ["model_id", (row) => row.modelId],
  ["name", (row) => row.name],
  ["provider", (row) => row.provider],
  ["rating", (row) => row.rating],
  ["rating_low", (row) => row.ratingLow],
  ["rating_high", (row) => row.ratingHigh],
  ["provisional", (row) => row.provisional],
  ["delivery_controlled_rating", (row) => row.deliveryControlledRating],
  ["elo_rating", (row) => row.eloRating],
  ["total_battles", (row) => row.totalBattles],
  ["wins", (row) => row.wins],
  ["losses", (row) => row.losses],
  ["ties", (row) => row.ties],
  ["both_bad", (row) => row.bothBad],
  ["win_rate", (row) => row.winRate],
  ["avg_wer", (row) => row.avgWer],
  ["avg_semascore", (row) => row.avgSemascore],
  ["avg_prosody", (row) => row.avgProsody],
  ["avg_quality", (row) => row.avgQuality],
  ["median_ttfa_ms", (row) => row.medianTtfaMs],
  ["reliability", (row) => row.reliability],
  ["cost_per_1000_characters", (row) => row.costPer1000Characters],
  ["withdrawn", (row) => row.withdrawn],
];

/** Returns all rows of a board, with the names of the API, so that a script reads both alike. */
export function boardCsv(rows: readonly LeaderboardRow[]): string {
  return csv(
    CSV_COLUMNS.map(([name]) => name),
    rows.map((row) => CSV_COLUMNS.map(([, value]) => value(row))),
  );
}

/** Returns the query of a board for routes of the API that a link opens. */
export function boardQuery(state: State): string {
  const query = new URLSearchParams({ board: boardName(state) });
  for (const name of ["category", "language"] as const) {
    if (state[name]) {
      query.set(name, state[name]);
    }
  }
  return query.toString();
}

/** Returns the words of the `arena` command that shows a board. */
export function boardCommand(state: State, ...subcommand: string[]): string[] {
  return [
    "leaderboard",
    ...subcommand,
    ...["--board", boardName(state)],
    ...(state.category ? ["--category", state.category] : []),
    ...(state.language && subcommand[0] !== "history" ? ["--language", state.language] : []),
    ...(state.scope === "own" ? ["--own"] : []),
  ];
}

/** Returns the names of models by their ids. */
export function namesOf(board: Leaderboard): Map<string, string> {
  return new Map(board.rows.map((row) => [row.modelId, row.name]));
}
