import { Experiment_EvalMode } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { Field } from "../../parts/Field.tsx";
import { Select } from "../../parts/Select.tsx";
import type { ApiError } from "../../rpc/errors.ts";
import { experiments } from "../../strings/experiments.ts";
import type { Draft } from "./draft.ts";

const text = experiments.form;

interface MoreOptionsProps {
  draft: Draft;
  onChange: (changes: Partial<Draft>) => void;
  error: ApiError | undefined;
}

const choices = (texts: Record<string, string>) => Object.entries(texts).map(([value, label]) => ({ value, label }));

/** What most experiments leave as it is. */
export function MoreOptions({ draft, onChange, error }: MoreOptionsProps) {
  const number = (
    label: string,
    name: keyof Draft & string,
    field: string,
    limits: [number, number],
    hint?: string,
  ) => (
    <Field
      label={label}
      type="number"
      min={limits[0]}
      max={limits[1]}
      value={String(draft[name])}
      hint={hint}
      onInput={(value) => onChange({ [name]: value })}
      error={error?.violation(field)}
    />
  );
  return (
    <>
      {draft.evalMode !== Experiment_EvalMode.automated && (
        <div class="experiment-row">
          {number(text.votes, "votesPerPair", "votes_per_pair", [1, 100])}
          {number(text.days, "listeningDays", "listening_days", [1, 90])}
        </div>
      )}
      <details class="experiment-more">
        <summary>{text.more}</summary>
        <div class="experiment-row">
          {number(text.repeats, "repeats", "repeats", [1, 5], text.repeatsHint)}
          {number(text.seed, "seed", "seed", [0, 4_294_967_295], text.seedHint)}
          {number(text.retention, "retentionDays", "audio_retention_days", [1, 3650], text.retentionHint)}
        </div>
        <div class="experiment-row">
          <Select
            label={text.profile}
            value={draft.profile}
            choices={choices(text.profiles)}
            onChange={(profile) => onChange({ profile })}
          />
          <Select
            label={text.metric}
            value={draft.primaryMetric}
            choices={choices(text.metrics)}
            onChange={(primaryMetric) => onChange({ primaryMetric })}
          />
        </div>
        <Field
          label={text.webhook}
          type="url"
          value={draft.webhookUrl}
          hint={text.webhookHint}
          onInput={(webhookUrl) => onChange({ webhookUrl })}
          error={error?.violation("webhook_url")}
        />
      </details>
    </>
  );
}
