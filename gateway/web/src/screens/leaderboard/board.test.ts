import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  Leaderboard_Board,
  LeaderboardRowSchema,
  LeaderboardSchema,
} from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { GetHeadToHeadResponse_CellSchema } from "../../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import {
  boardCommand,
  boardCsv,
  boardQuery,
  DEFAULTS,
  groupStarts,
  rankRange,
  selectionOf,
  sortClicked,
  sorted,
  sortOf,
} from "./board.ts";
import { sentences } from "./Facts.tsx";
import { cellsByPair } from "./pairs.ts";
import { daysOf } from "./snapshots.ts";

const rows = [
  { modelId: "a", name: "Aurora", rank: 1, rankWorst: 1, rating: 1600, avgWer: 0.05, costPer1000Characters: 0.2 },
  { modelId: "b", name: "Basalt", rank: 2, rankWorst: 3, rating: 1520, avgWer: 0.01 },
  { modelId: "c", name: "=Cedar", rank: 2, rankWorst: 3, rating: 1510, provisional: true, costPer1000Characters: 0 },
].map((row) => create(LeaderboardRowSchema, row));
const ids = (order: { by: string; descending: boolean }) =>
  sorted(rows, order)
    .map((row) => row.modelId)
    .join("");

test("rows are ordered by a column, and what was not measured is last either way", () => {
  expect(ids({ by: "rank", descending: false })).toBe("abc");
  expect(ids({ by: "word_errors", descending: false })).toBe("bac");
  expect(ids({ by: "word_errors", descending: true })).toBe("abc");
  expect(ids({ by: "price", descending: false })).toBe("cab");
});

test("the first click on a heading has the best first, the second one turns it", () => {
  const byRank = sortOf(DEFAULTS);
  expect(byRank).toEqual({ by: "rank", descending: false });
  const first = sortClicked(byRank, { by: "rating", descending: true });
  expect(first).toEqual({ sort: "rating", order: "" });
  const byRating = sortOf({ ...DEFAULTS, ...first });
  expect(byRating).toEqual({ by: "rating", descending: true });
  const second = sortClicked(byRating, { by: "rating", descending: false });
  expect(sortOf({ ...DEFAULTS, ...second })).toEqual({ by: "rating", descending: false });
});

test("a URL with unknown names shows the default board by rank", () => {
  const state = { ...DEFAULTS, board: "toString", sort: "toString", order: "x" };
  expect(selectionOf(state).board).toBe(Leaderboard_Board.hybrid);
  expect(sortOf(state).by).toBe("rank");
  expect(boardQuery(state)).toBe("board=hybrid");
});

test("models with equal ranks are a group, and a range says what is not sure", () => {
  expect([...groupStarts(rows)]).toEqual(["b"]);
  expect(rows.map(rankRange)).toEqual(["1", "2–3", "2–3"]);
});

test("CSV has every field under the name of the API, and no formula of a stranger", () => {
  const lines = boardCsv(rows).split("\r\n");
  expect(lines[0]).toMatch(/^rank,rank_worst,model_id,name,provider,rating,rating_low,/);
  expect(lines[3]).toMatch(/^2,3,c,'=Cedar,,1510,,,true,/);
  expect(lines).toHaveLength(5);
});

test("a screen of a board is a link of the API and a command", () => {
  const state = { ...DEFAULTS, board: "human", category: "hotel", language: "de", scope: "own" };
  expect(boardQuery(state)).toBe("board=human&category=hotel&language=de");
  expect(boardCommand(state).join(" ")).toBe("leaderboard --board human --category hotel --language de --own");
  // History is kept over all languages.
  expect(boardCommand(state, "history").join(" ")).toBe("leaderboard history --board human --category hotel --own");
});

test("the share of a pair counts ties half and leaves out votes that neither was good", () => {
  const cell = create(GetHeadToHeadResponse_CellSchema, {
    modelId: "a",
    opponentId: "b",
    wins: 6,
    losses: 2,
    ties: 4,
    bothBad: 3,
  });
  expect(cellsByPair([cell]).get("a b")).toMatchObject({ n: 12, share: 8 / 12, sure: false });
  const none = create(GetHeadToHeadResponse_CellSchema, { modelId: "a", opponentId: "c", bothBad: 3 });
  expect(cellsByPair([none]).get("a c")).toMatchObject({ n: 0, share: null });
});

test("snapshots come newest first and are drawn oldest first", () => {
  const days = daysOf([
    { snapshotDate: "2026-11-27", rating: 1510 },
    { snapshotDate: "broken", rating: 1 },
    { snapshotDate: "2026-11-26", rating: 1500 },
  ] as never);
  expect(days.map((one) => [new Date(one.at).toISOString().slice(0, 10), one.value])).toEqual([
    ["2026-11-26", 1500],
    ["2026-11-27", 1510],
  ]);
});

test("the sentences say what a board rests on, and name the rival", () => {
  const board = create(LeaderboardSchema, {
    rows,
    votes: 1200,
    battles: 900,
    voters: 1,
    connected: false,
    fragility: { votes: 3, rivalId: "b" },
    slotEffect: { points: 1.3, pointsLow: -2.2, pointsHigh: 4.7 },
    exclusionRate: 0.012,
  });
  const found = sentences(board);
  expect(found[0]).toBe("1,200 votes of 1 person on 900 battles.");
  expect(found[1]).toMatch(/^The votes do not connect all models\./);
  expect(found).toContain("Without 3 of the votes, Basalt would be first.");
  expect(found).toContain("Side A wins +1.3 percentage points more often than side B (−2.2 to +4.7).");
  expect(found).toContain("1.2% of the votes of people are excluded as doubtful.");
  expect(found.at(-1)).toMatch(/^~ and grey: provisional/);
});
