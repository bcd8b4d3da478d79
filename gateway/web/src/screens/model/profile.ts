// What the screen of a model shows, as pure functions of messages.

import { type Battle, Battle_Winner, type SideMetrics } from "../../../gen/voicearena/elo/v1/battle_pb.js";
import { Visibility, type VoiceModel, VoiceModel_Kind } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import type { LeaderboardRow } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import type { Measure, Profile } from "../../charts/ParallelAxes.tsx";
import { milliseconds } from "../../format/duration.ts";
import { dollars } from "../../format/money.ts";
import { ABSENT, count, decimal, percent, rating } from "../../format/number.ts";
import { model as text } from "../../strings/model.ts";
import { voiceName } from "../../words/voice.ts";

const { measures } = text.against;

interface RowMeasure extends Measure {
  value: (row: LeaderboardRow) => number | undefined;
}

const MEASURES: readonly RowMeasure[] = [
  { name: measures.rating, better: "high", write: rating, value: (row) => row.rating },
  { name: measures.won, better: "high", write: (value) => percent(value), value: (row) => row.winRate },
  { name: measures.wordErrors, better: "low", write: (value) => percent(value, 1), value: (row) => row.avgWer },
  { name: measures.meaning, better: "high", write: (value) => decimal(value), value: (row) => row.avgSemascore },
  { name: measures.prosody, better: "high", write: (value) => decimal(value), value: (row) => row.avgProsody },
  { name: measures.quality, better: "high", write: (value) => decimal(value), value: (row) => row.avgQuality },
  { name: measures.firstSound, better: "low", write: milliseconds, value: (row) => row.medianTtfaMs },
  { name: measures.price, better: "low", write: dollars, value: (row) => row.costPer1000Characters },
];

export interface Comparison {
  measures: readonly Measure[];
  one: Profile;
  field: Profile[];
}

/** Returns a model and all others of a board on the measures that at least two models have, or null without the model. */
export function comparison(rows: readonly LeaderboardRow[], modelId: string): Comparison | null {
  const own = rows.find((row) => row.modelId === modelId);
  if (!own) {
    return null;
  }
  const shared = MEASURES.filter(({ value }) => rows.filter((row) => value(row) !== undefined).length > 1);
  const profile = (row: LeaderboardRow) => ({ name: row.name, values: shared.map(({ value }) => value(row) ?? null) });
  return {
    measures: shared,
    one: profile(own),
    field: rows.filter((row) => row !== own).map(profile),
  };
}

/** Returns what distinguishes a model from a public one that takes part. */
export function statesOf(model: VoiceModel): string[] {
  const { states } = text;
  return [
    model.arena ? states.arena : states.outside,
    ...(model.visibility === Visibility.private ? [states.private] : []),
    ...(model.awaitsApproval ? [states.awaits] : []),
    ...(model.active ? [] : [states.withdrawn]),
  ];
}

/** Experiments request speech, so a recorded or a withdrawn model can't be in one. */
export function fitsExperiments(model: VoiceModel): boolean {
  return model.active && model.kind !== VoiceModel_Kind.recorded;
}

/** Returns the name by which the form of an experiment knows a model. */
export function nameInExperiments({ provider, config }: VoiceModel): string {
  return voiceName({ provider, voiceId: config?.voiceId ?? "" });
}

/** Returns how often a request for speech fails, as a sentence. */
export function failures(reliability: number | undefined): string {
  return reliability === undefined ? ABSENT : text.failures(decimal((1 - reliability) * 1000, 1));
}

/** What happened in a battle, from the view of one of its models. */
interface BattleView {
  id: string;
  opponentId: string;
  evaluationId: string;
  metrics: SideMetrics | undefined;
  result: string;
}

export function battleView(battle: Battle, modelId: string): BattleView {
  const isA = battle.modelAId === modelId;
  return {
    id: battle.id,
    opponentId: isA ? battle.modelBId : battle.modelAId,
    evaluationId: isA ? battle.evalAId : battle.evalBId,
    metrics: isA ? battle.metricsA : battle.metricsB,
    result: resultOf(battle.winner, isA),
  };
}

function resultOf(winner: Battle_Winner | undefined, isA: boolean): string {
  const { results } = text.evaluations;
  switch (winner) {
    case Battle_Winner.tie:
      return results.tie;
    case Battle_Winner.both_bad:
      return results.bothBad;
    case Battle_Winner.a:
    case Battle_Winner.b:
      return (winner === Battle_Winner.a) === isA ? results.won : results.lost;
    default:
      return ABSENT;
  }
}

/** Returns the metrics of a clip that were measured, each with its name. */
export function metricTexts(metrics: SideMetrics | undefined): string[] {
  const names = text.evaluations.metrics;
  const known: [string, string][] = [
    [names.wordErrors, percent(metrics?.wordErrorRate, 1)],
    [names.meaning, decimal(metrics?.semascore)],
    [names.prosody, decimal(metrics?.prosodyScore)],
    [names.naturalness, decimal(metrics?.naturalnessMos)],
    [names.quality, decimal(metrics?.signalQualityMos)],
    [names.firstSound, milliseconds(metrics?.ttfaMs)],
    [names.failures, count(metrics?.speechFailures)],
  ];
  return known.filter(([, value]) => value !== ABSENT).map(([name, value]) => `${name} ${value}`);
}
