import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Battle_Winner, BattleSchema, SideMetricsSchema } from "../../../gen/voicearena/elo/v1/battle_pb.js";
import { Visibility, VoiceModel_Kind, VoiceModelSchema } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import { LeaderboardRowSchema } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import {
  battleView,
  comparison,
  failures,
  fitsExperiments,
  metricTexts,
  nameInExperiments,
  statesOf,
} from "./profile.ts";

const rows = [
  { modelId: "a", name: "Aurora", rating: 1600, avgWer: 0.05, avgProsody: 0.9 },
  { modelId: "b", name: "Basalt", rating: 1500, avgWer: 0.01 },
  { modelId: "c", name: "Cedar", rating: 1400 },
].map((row) => create(LeaderboardRowSchema, row));

test("a model is compared on the measures that at least two models have", () => {
  const found = comparison(rows, "b");
  expect(found?.measures.map((measure) => measure.name)).toEqual(["Rating", "Word errors"]);
  expect(found?.one).toEqual({ name: "Basalt", values: [1500, 0.01] });
  expect(found?.field).toEqual([
    { name: "Aurora", values: [1600, 0.05] },
    { name: "Cedar", values: [1400, null] },
  ]);
  expect(comparison(rows, "nobody")).toBeNull();
});

test("an experiment knows a model by its provider and its voice", () => {
  const model = create(VoiceModelSchema, { id: "mdl_1", provider: "espeak", config: { voiceId: "en-us" } });
  expect(nameInExperiments(model)).toBe("espeak:en-us");
});

test("failures are counted in a thousand requests", () => {
  expect(failures(0.9958)).toBe("4.2 of 1,000 requests");
  expect(failures(1)).toBe("0.0 of 1,000 requests");
  expect(failures(undefined)).toBe("–");
});

test("a battle is told from the view of the model, whichever side it was", () => {
  const metricsA = create(SideMetricsSchema, { wordErrorRate: 0.034, speechFailures: 0 });
  const battle = create(BattleSchema, { modelAId: "a", modelBId: "b", evalAId: "evl_a", evalBId: "evl_b", metricsA });
  const won = { ...battle, winner: Battle_Winner.a };
  expect(battleView(won, "a")).toMatchObject({
    opponentId: "b",
    evaluationId: "evl_a",
    result: "won",
    metrics: metricsA,
  });
  expect(battleView(won, "b")).toMatchObject({
    opponentId: "a",
    evaluationId: "evl_b",
    result: "lost",
    metrics: undefined,
  });
  expect(battleView({ ...battle, winner: Battle_Winner.both_bad }, "a").result).toBe("neither good");
  expect(battleView(battle, "a").result).toBe("–");
  expect(metricTexts(metricsA)).toEqual(["word errors 3.4%", "places with faults 0"]);
  expect(metricTexts(undefined)).toEqual([]);
});

test("states say what is not as usual, and recordings and withdrawn models are in no experiment", () => {
  const model = create(VoiceModelSchema, { active: true, arena: true, visibility: Visibility.public });
  expect(statesOf(model)).toEqual(["in the arena"]);
  expect(fitsExperiments(model)).toBe(true);
  const other = { ...model, active: false, arena: false, visibility: Visibility.private, awaitsApproval: true };
  expect(statesOf(other)).toEqual(["not in the arena", "private", "awaits approval", "withdrawn"]);
  expect(fitsExperiments(other)).toBe(false);
  expect(fitsExperiments({ ...model, kind: VoiceModel_Kind.recorded })).toBe(false);
});
