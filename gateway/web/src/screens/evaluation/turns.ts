// Who speaks when: the lanes of the speakers, and how long each one waits before answering another.

import type { Diarization } from "../../../gen/voicearena/scoring/v1/evaluation_metrics_pb.js";

export interface Turn {
  readonly speaker: string;
  readonly start: number;
  readonly end: number;
  /** The silence since another speaker ended. Undefined if there is none. */
  readonly gap: number | undefined;
  /** Whether it begins while another speaker speaks, and goes on. */
  readonly interrupts: boolean;
}

export interface Lane {
  readonly speaker: string;
  readonly share: number | undefined;
  readonly turns: readonly Turn[];
}

/** Returns all turns in order of their start. */
export function turnsOf(diarization: Diarization): Turn[] {
  const turns: Turn[] = [];
  let latest: Turn | undefined;
  for (const { speaker, startSeconds: start, endSeconds: end } of diarization.turns) {
    const isAnswer = latest !== undefined && latest.speaker !== speaker && start >= latest.end;
    const turn = {
      speaker,
      start,
      end,
      gap: isAnswer ? start - (latest as Turn).end : undefined,
      interrupts: diarization.interruptions.some((one) => one.by === speaker && Math.abs(one.atSeconds - start) < 0.01),
    };
    turns.push(turn);
    if (latest === undefined || end >= latest.end) {
      latest = turn;
    }
  }
  return turns;
}

/** Returns a lane for each speaker, by name. */
export function lanesOf(diarization: Diarization, turns: readonly Turn[]): Lane[] {
  const speakers = [...new Set(turns.map((turn) => turn.speaker))].sort();
  return speakers.map((speaker) => ({
    speaker,
    share: diarization.talkShares[speaker],
    turns: turns.filter((turn) => turn.speaker === speaker),
  }));
}
