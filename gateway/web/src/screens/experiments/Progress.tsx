import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Experiment, type Trial, Trial_Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import {
  ExperimentService,
  WatchExperimentResponse_Kind as Kind,
  type WatchExperimentResponse,
} from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { serverNow } from "../../format/clock.ts";
import { seconds } from "../../format/duration.ts";
import { count } from "../../format/number.ts";
import { stampMs } from "../../format/time.ts";
import { Failure } from "../../parts/Failure.tsx";
import { Section } from "../../parts/Page.tsx";
import { announce } from "../../parts/Status.tsx";
import { call, stream } from "../../rpc/client.ts";
import { useLive } from "../../rpc/live.ts";
import { experiments } from "../../strings/experiments.ts";
import { voiceName } from "../../words/voice.ts";
import { hasEnded, trialStatusName } from "./names.ts";
import { progressOf, secondsLeft, withTrial } from "./progress.ts";

const text = experiments.progress;
const { method } = ExperimentService;
const SECOND_MS = 1000;
// The list of what is in progress has a fixed height, so that nothing below it jumps.
const MAX_NOW = 4;

type Change = Pick<WatchExperimentResponse, "experiment" | "trial"> & { kind: Kind };

/** What is happening now, live. */
export function Progress({ experiment, onChange }: { experiment: Experiment; onChange: (now: Experiment) => void }) {
  const { id } = experiment;
  const trials = useSignal<ReadonlyMap<string, Trial>>(new Map());
  const { phase, error } = useLive<Change>(
    {
      open: (signal) => stream(method.watchExperiment, { id }, { signal }),
      poll: async (signal) => ({
        kind: Kind.state,
        experiment: await call(method.getExperiment, { id }, { signal }),
        trial: undefined,
      }),
      onMessage: (message) => {
        if (message.trial) {
          trials.value = withTrial(trials.peek(), message.trial);
        }
        if (message.experiment) {
          onChange(message.experiment);
        }
      },
      isEnd: (message) => {
        const isEnd = message.experiment !== undefined && hasEnded(message.experiment.status);
        if (isEnd) {
          announce(text.ended);
        }
        return isEnd;
      },
    },
    [id],
  );
  const ended = experiment.completedTrials + experiment.failedTrials;
  const elapsed = useElapsedSeconds(experiment.startedAt ? stampMs(experiment.startedAt) : undefined);
  const left = elapsed === undefined ? undefined : secondsLeft(ended, experiment.totalTrials, elapsed);
  const now = [...trials.value.values()].filter(isNow);
  const { listening } = experiment;
  return (
    <Section title={text.title}>
      <p class="progress-line">
        <span class={`live-mark live-${phase}`}>{text.phases[phase]}</span>
        <span>{text.overall(count(ended), count(experiment.totalTrials))}</span>
        {experiment.failedTrials > 0 && <span class="progress-failed">{text.failed(experiment.failedTrials)}</span>}
        {elapsed !== undefined && <span>{text.elapsed(seconds(Math.round(elapsed)))}</span>}
        {left !== undefined && <span>{text.left(seconds(Math.max(1, Math.round(left))))}</span>}
      </p>
      {error && phase === "failed" && <Failure error={error} />}
      <ul class="progress-voices">
        {progressOf(experiment, trials.value).map((voice) => (
          <li key={voice.name}>
            <bdi>{voice.name}</bdi>
            <progress aria-label={voice.name} value={voice.completed + voice.failed} max={voice.total} />
            <span class="progress-count">
              {count(voice.completed + voice.failed)}/{count(voice.total)}
              {voice.failed > 0 && `, ${text.failed(voice.failed)}`}
            </span>
          </li>
        ))}
      </ul>
      {ended < experiment.totalTrials && (
        <ul class="progress-now">
          {now.slice(0, MAX_NOW).map((trial) => (
            <li key={trial.id}>
              <bdi>{voiceName(trial)}</bdi>, {trial.promptIndex + 1}: {trialStatusName(trial.status)}
            </li>
          ))}
          {now.length > MAX_NOW && <li>{text.more(count(now.length - MAX_NOW))}</li>}
        </ul>
      )}
      {listening && listening.votesNeeded > 0 && (
        <p>{text.votes(count(listening.votesReceived), count(listening.votesNeeded))}</p>
      )}
    </Section>
  );
}

function isNow({ status }: Trial): boolean {
  return status === Trial_Status.synthesizing || status === Trial_Status.scoring;
}

/** Returns the seconds since a moment, again each second. */
function useElapsedSeconds(since: number | undefined): number | undefined {
  const now = useSignal(serverNow());
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = serverNow();
    }, SECOND_MS);
    return () => clearInterval(timer);
  }, []);
  return since === undefined ? undefined : Math.max(0, (now.value - since) / SECOND_MS);
}
