import { type Experiment, type Trial, Trial_Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { ExperimentService } from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { count } from "../../format/number.ts";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Select } from "../../parts/Select.tsx";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { experiments } from "../../strings/experiments.ts";
import { voiceName } from "../../words/voice.ts";
import { trialStatusName } from "./names.ts";
import { TrialCard } from "./TrialCard.tsx";
import "./trials.css";

const text = experiments.trials;
const { method } = ExperimentService;
const PAGE_SIZE = 100;
const STATUSES = ["pending", "synthesizing", "scoring", "completed", "failed", "cancelled"] as const;

export interface TrialFilter {
  voice: string;
  prompt: string;
  status: string;
}

interface TrialsProps {
  experiment: Experiment;
  filter: TrialFilter;
  onFilter: (changes: Partial<TrialFilter>) => void;
}

/** Every recording: its audio, what was heard and what was measured, text by text. */
export function Trials({ experiment, filter, onFilter }: TrialsProps) {
  const { id } = experiment;
  const ended = experiment.completedTrials + experiment.failedTrials;
  const query = useQuery((signal) => listTrials(id, signal), [id, ended, experiment.status], { keep: true });
  return (
    <>
      <div class="experiment-filters">
        <Select
          label={text.voice}
          value={filter.voice}
          onChange={(voice) => onFilter({ voice })}
          choices={[
            { value: "", label: text.allVoices },
            ...experiment.models.map((model) => ({ value: voiceName(model), label: voiceName(model) })),
          ]}
        />
        <Select
          label={text.text}
          value={filter.prompt}
          onChange={(prompt) => onFilter({ prompt })}
          choices={[
            { value: "", label: text.allTexts },
            ...experiment.prompts.map((prompt, index) => ({
              value: String(index + 1),
              label: `${index + 1}. ${prompt.slice(0, 60)}`,
            })),
          ]}
        />
        <Select
          label={text.status}
          value={filter.status}
          onChange={(status) => onFilter({ status })}
          choices={[
            { value: "", label: experiments.all },
            ...STATUSES.map((name) => ({ value: name, label: trialStatusName(Trial_Status[name]) })),
          ]}
        />
        <CopyAs method={method.listTrials} request={{ id }} cli={["experiment", "trials", id]} />
      </div>
      <Loaded query={query} loading={<Loading lines={20} />}>
        {(all) => {
          const shown = all.filter((trial) => matches(trial, filter));
          if (shown.length === 0) {
            return <Empty title={text.none} text={text.noneText} />;
          }
          return (
            <>
              {all.length < experiment.totalTrials && (
                <p>{text.truncated(count(all.length), count(experiment.totalTrials))}</p>
              )}
              <p class="muted">{text.legend}</p>
              {byPrompt(shown).map(([index, trials]) => (
                <section class="prompt" key={index} aria-labelledby={`prompt-${index}`}>
                  <h2 id={`prompt-${index}`} dir="auto">
                    {index + 1}. {trials[0]?.promptText}
                  </h2>
                  <ul class="trial-cards">
                    {trials.map((trial) => (
                      <TrialCard
                        key={trial.id}
                        trial={trial}
                        isRepeated={experiment.repeats > 1}
                        onExpired={query.reload}
                      />
                    ))}
                  </ul>
                </section>
              ))}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

async function listTrials(id: string, signal: AbortSignal): Promise<Trial[]> {
  const found: Trial[] = [];
  let pageToken = "";
  do {
    const page = await call(method.listTrials, { id, pageSize: PAGE_SIZE, pageToken }, { signal });
    found.push(...page.trials);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

export function matches(trial: Trial, filter: TrialFilter): boolean {
  return (
    (filter.voice === "" || voiceName(trial) === filter.voice) &&
    (filter.prompt === "" || String(trial.promptIndex + 1) === filter.prompt) &&
    (filter.status === "" || Trial_Status[trial.status] === filter.status)
  );
}

function byPrompt(trials: readonly Trial[]): [number, Trial[]][] {
  const found = new Map<number, Trial[]>();
  for (const trial of trials) {
    found.set(trial.promptIndex, [...(found.get(trial.promptIndex) ?? []), trial]);
  }
  return [...found].sort(([one], [other]) => one - other);
}
