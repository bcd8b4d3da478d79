// @vitest-environment jsdom

import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Battle_Winner } from "../../gen/voicearena/elo/v1/battle_pb.js";
import { BattleService } from "../../gen/voicearena/elo/v1/battle_service_pb.js";
import { EloService } from "../../gen/voicearena/elo/v1/elo_service_pb.js";
import { Leaderboard_Board } from "../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { LeaderboardService } from "../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import { ScenarioService } from "../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { ExperimentService } from "../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { EvaluationService } from "../../gen/voicearena/scoring/v1/evaluation_service_pb.js";
import { banner } from "../app/banner.ts";
import { call, stream, transport } from "../rpc/client.ts";
import { doubts, reachable } from "../rpc/reachable.ts";
import { answers, followBackend } from "./backend.tsx";
import type { DemoData } from "./data.ts";
import { isDemo } from "./state.ts";
import { demoTransport } from "./transport.ts";

const FILE = readFileSync(`${import.meta.dirname}/../../public/demo/calls.json`, "utf8");
const data: DemoData = JSON.parse(FILE);
const demo = demoTransport(data);
const board = LeaderboardService.method.getLeaderboard;

// What the gateway answers to a path. Undefined while it is gone.
let health: Response | undefined;
const fetched = vi.fn<typeof fetch>(async (address) => {
  if (String(address).endsWith("/demo/calls.json")) {
    return new Response(FILE);
  }
  if (String(address).endsWith("/health") && health) {
    return health.clone();
  }
  throw new TypeError("Failed to fetch");
});

beforeEach(() => {
  vi.stubGlobal("fetch", fetched);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
}

function unavailable(metadata: Record<string, string>): Response {
  return json(503, { code: 14, details: [{ reason: "UNAVAILABLE", domain: "voicearena", metadata }] });
}

async function demoCall<T>(made: Promise<T>): Promise<T | string> {
  return made.catch((error) => error.reason);
}

test("each board is its own, and the first is that of calls that name none", async () => {
  transport.value = demo;
  const boards = await Promise.all(
    [Leaderboard_Board.human, Leaderboard_Board.metrics, Leaderboard_Board.board_unspecified].map((name) =>
      call(board, { board: name, category: "" }),
    ),
  );
  expect(boards.map((found) => found.board)).toEqual([
    Leaderboard_Board.human,
    Leaderboard_Board.metrics,
    Leaderboard_Board.hybrid,
  ]);
  expect(boards.every((found) => found.rows.length >= 4)).toBe(true);
});

test("lists have only what a request selects", async () => {
  transport.value = demo;
  const all = await call(ScenarioService.method.listScenarios, {});
  const medical = await call(ScenarioService.method.listScenarios, { category: "medical", pageSize: 3 });
  expect(medical.scenarios).toEqual(all.scenarios.filter((scenario) => scenario.category === "medical"));
  const [row] = (await call(board, {})).rows;
  const history = await call(LeaderboardService.method.listSnapshots, { modelId: row?.modelId ?? "" });
  expect(new Set(history.snapshots.map((snapshot) => snapshot.modelId))).toEqual(new Set([row?.modelId]));
});

test("another model than those of the data is not found", async () => {
  transport.value = demo;
  expect(await demoCall(call(EloService.method.getVoiceModel, { id: "mdl_other" }))).toBe("DEMO");
});

test("a battle can be heard but not voted on", async () => {
  transport.value = demo;
  const battle = await call(BattleService.method.nextBattle, {});
  expect([battle.clipAUrl, battle.clipBUrl]).toEqual(["/demo/clip-a.mp3", "/demo/clip-b.mp3"]);
  const vote = call(BattleService.method.voteInBattle, { id: battle.battleId, winner: Battle_Winner.a });
  await expect(vote).rejects.toMatchObject({ reason: "DEMO", retryable: false });
});

test("a stream gives the state, and then stays open until its reader leaves", async () => {
  transport.value = demo;
  const leaving = new AbortController();
  const messages = stream(LeaderboardService.method.watchLeaderboard, {}, { signal: leaving.signal });
  const reader = messages[Symbol.asyncIterator]();
  expect((await reader.next()).value?.leaderboard?.rows.length).toBeGreaterThan(3);
  let isOver = false;
  const rest = reader.next().then(() => {
    isOver = true;
  });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(isOver).toBe(false);
  leaving.abort();
  await rest;
});

test.each([
  ["a healthy mesh is a backend", json(200, { status: "ok" }), true],
  ["a mesh without one service is a backend", unavailable({ elo: "does not answer" }), true],
  ["a gateway that can't reach auth is none", unavailable({ service: "auth" }), false],
  ["a server of files is none", new Response("<h1>Not found</h1>", { status: 404 }), false],
  ["a server of files that has a page for everything is none", new Response("<h1>Hello</h1>"), false],
  ["nothing is none", undefined, false],
])("%s", async (_, response, expected) => {
  health = response;
  expect(await answers()).toBe(expected);
});

test("demo data is shown while nothing answers, and the banner goes when the backend is back", async () => {
  health = undefined;
  followBackend();
  expect(isDemo.value).toBe(false);
  reachable.value = false;
  await vi.waitFor(() => expect(isDemo.value).toBe(true));
  expect(banner.value).not.toBeNull();
  expect((await call(board, {})).rows.length).toBeGreaterThan(3);

  health = json(200, { status: "ok" });
  const shown = transport.value;
  await vi.advanceTimersByTimeAsync(6_000);
  expect([isDemo.value, banner.value]).toEqual([false, null]);
  expect(transport.value).not.toBe(shown);
});

test("a gateway without services is no backend, a gateway without one service is", async () => {
  health = unavailable({ elo: "does not answer" });
  doubts.value += 1;
  await vi.advanceTimersByTimeAsync(6_000);
  expect(isDemo.value).toBe(false);
  health = unavailable({ service: "auth" });
  doubts.value += 1;
  await vi.waitFor(() => expect(isDemo.value).toBe(true));
  health = json(200, { status: "ok" });
  await vi.advanceTimersByTimeAsync(6_000);
  expect(isDemo.value).toBe(false);
});

test("the recording of an evaluation comes whole, and its stream ends", async () => {
  transport.value = demo;
  const id = String(data.calls["voicearena.scoring.v1.ScoringService/GetEvaluation"]?.[0]?.request.id);
  const pieces: Uint8Array[] = [];
  for await (const piece of stream(EvaluationService.method.getEvaluationAudio, { id })) {
    expect(piece.contentType).toBe("audio/mpeg");
    pieces.push(piece.data);
  }
  expect(pieces.length).toBe(1);
  expect((await call(EvaluationService.method.getEvaluationPeaks, { id })).high.length).toBe(800);
});

test("the trials of an experiment are all there, though their ids are not that of the experiment", async () => {
  transport.value = demo;
  const { experiments } = await call(ExperimentService.method.listExperiments, {});
  const { id = "", totalTrials = 0 } = experiments[0] ?? {};
  const { trials } = await call(ExperimentService.method.listTrials, { id, pageSize: 100 });
  expect(trials.length).toBe(totalTrials);
});

test("a board of a category is not that of all categories", async () => {
  transport.value = demo;
  expect(await demoCall(call(board, { category: "medical" }))).toBe("DEMO");
  const { getHeadToHead, watchLeaderboard } = LeaderboardService.method;
  expect(await demoCall(call(getHeadToHead, { category: "medical" }))).toBe("DEMO");
  const live = stream(watchLeaderboard, { category: "medical" })[Symbol.asyncIterator]();
  expect(await demoCall(live.next())).toBe("DEMO");
});
