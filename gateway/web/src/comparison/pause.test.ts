import { expect, it } from "vitest";
import { readStored } from "../app/stored.ts";
import { afterVote, countVote, effort, needsPause, PAUSE_MS, VOTES_BEFORE_PAUSE } from "./pause.ts";

const SECOND = 1000;

it("a pause is offered after each twentieth vote", () => {
  let now = { votes: 0, lastAt: 0 };
  const offered: number[] = [];
  for (let vote = 1; vote <= 45; vote++) {
    now = afterVote(now, vote * SECOND);
    if (needsPause(now)) {
      offered.push(vote);
    }
  }
  expect(offered).toEqual([VOTES_BEFORE_PAUSE, 2 * VOTES_BEFORE_PAUSE]);
  expect(needsPause({ votes: 0, lastAt: 0 })).toBe(false);
});

it("ten minutes without a vote were a pause", () => {
  expect(afterVote({ votes: 19, lastAt: SECOND }, SECOND + PAUSE_MS)).toEqual({ votes: 1, lastAt: SECOND + PAUSE_MS });
  expect(afterVote({ votes: 19, lastAt: SECOND }, PAUSE_MS).votes).toBe(20);
});

it("votes are counted over a reload", () => {
  countVote(5 * PAUSE_MS);
  countVote(5 * PAUSE_MS + SECOND);
  expect(effort.value.votes).toBe(2);
  expect(readStored("session", "votes_without_pause")).toBe(`2,${5 * PAUSE_MS + SECOND}`);
});
