import { voiceName } from "../../words/voice.ts";
// The latest known state of each trial, and how far each voice is.

import { type Experiment, type Trial, Trial_Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";

export interface VoiceProgress {
  name: string;
  completed: number;
  failed: number;
  total: number;
}

function hasTrialEnded({ status }: Trial): boolean {
  return status === Trial_Status.completed || status === Trial_Status.failed || status === Trial_Status.cancelled;
}

/** Adds a new state of a trial. A trial that has ended keeps its state, because states can arrive late. */
export function withTrial(trials: ReadonlyMap<string, Trial>, trial: Trial): ReadonlyMap<string, Trial> {
  const known = trials.get(trial.id);
  return known && hasTrialEnded(known) ? trials : new Map([...trials, [trial.id, trial]]);
}

/** Returns how far each voice is, in the order of the experiment. */
export function progressOf(experiment: Experiment, trials: ReadonlyMap<string, Trial>): VoiceProgress[] {
  const each = [...trials.values()];
  const total = experiment.totalTrials / Math.max(1, experiment.models.length);
  return experiment.models.map((model, index) => {
    const own = each.filter((trial) => trial.modelIndex === index);
    return {
      name: voiceName(model),
      completed: own.filter((trial) => trial.status === Trial_Status.completed).length,
      failed: own.filter((trial) => trial.status === Trial_Status.failed).length,
      total,
    };
  });
}

/** Returns how many seconds are left at the pace so far, undefined before a tenth of the trials has ended. */
export function secondsLeft(ended: number, total: number, elapsedSeconds: number): number | undefined {
  return ended === 0 || ended < total / 10 || ended >= total ? undefined : (elapsedSeconds / ended) * (total - ended);
}
