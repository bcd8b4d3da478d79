import { expect, test } from "vitest";
import { readState, stateUrl } from "./url_state.ts";

const DEFAULTS = { board: "human", category: "", page: "1" };

test("the state is the query over the defaults, without unknown names", () => {
  expect(readState({ category: "medical", utm_source: "x" }, DEFAULTS)).toEqual({
    board: "human",
    category: "medical",
    page: "1",
  });
});

test("the URL has what differs from the defaults", () => {
  expect(stateUrl("/leaderboard", DEFAULTS, DEFAULTS)).toBe("/leaderboard");
  expect(stateUrl("/leaderboard", { ...DEFAULTS, category: "a&b ü" }, DEFAULTS)).toBe(
    "/leaderboard?category=a%26b+%C3%BC",
  );
});

test("an empty value is kept if it is not the default", () => {
  const url = stateUrl("/leaderboard", { ...DEFAULTS, board: "" }, DEFAULTS);
  expect(readState(Object.fromEntries(new URL(url, "http://x").searchParams), DEFAULTS).board).toBe("");
});
