import { create } from "@bufbuild/protobuf";
import { render } from "preact-render-to-string";
import { expect, test } from "vitest";
import { LeaderboardRowSchema } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { BoardTable } from "./BoardTable.tsx";

const row = (place: number, values: object = {}) =>
  create(LeaderboardRowSchema, {
    modelId: `mdl_${place}`,
    name: `Voice ${place}`,
    provider: "northwind",
    rank: place,
    rankWorst: place + 1,
    rating: 1600 - place,
    ratingLow: 1580 - place,
    ratingHigh: 1620 - place,
    totalBattles: 40,
    wins: 12,
    winRate: 0.3,
    ...values,
  });
const table = (rows: ReturnType<typeof row>[]) =>
  render(<BoardTable caption="Board" rows={rows} sort={{ by: "rank", descending: false }} onSort={() => undefined} />);

test("a board of 500 models has a bounded number of rows in the page, and offers the rest", () => {
  const html = table(Array.from({ length: 500 }, (_, index) => row(index + 1)));
  expect(html.match(/<tr/g)?.length).toBe(101);
  expect(html).toContain("Show 100 more");
});

test("a row says its ranks, rating, half of its interval and results", () => {
  const html = table([row(1), row(2)]);
  expect(html).toContain(">1–2<");
  expect(html).toContain('<a href="/models/mdl_1"><bdi>Voice 1</bdi></a>');
  expect(html).toMatch(/1,599 <small>±20<\/small>/);
  expect(html).toContain('title="12 won, 0 lost, 0 tied, 0 neither good"');
  expect(html.match(/board-group/g)).toHaveLength(1);
});

test("a provisional row is grey and says so, an unknown interval and a missing price are spoken", () => {
  const html = table([row(1, { provisional: true, ratingLow: undefined, ratingHigh: undefined, withdrawn: true })]);
  expect(html).toContain('<tr class="board-provisional">');
  expect(html).toContain("provisional ");
  expect(html).toContain("The interval is unknown: one voter or one scenario is all there is.");
  expect(html).toContain("northwind · withdrawn");
  expect(html).toContain("not measured");
});

test("a row has what the CSV has of the speech itself", () => {
  const html = table([row(1, { avgSemascore: 0.914, avgProsody: 0.5, reliability: 0.9958 })]);
  expect(html).toMatch(/Meaning kept.*Prosody.*Failures/);
  expect(html).toMatch(/>0\.91<.*>0\.50<.*>0\.4%</);
});

test("a name with markup is text", () => {
  expect(table([row(1, { name: "<script>alert(1)</script>" })])).toContain("&lt;script>");
});
