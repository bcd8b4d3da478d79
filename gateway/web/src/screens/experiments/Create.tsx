import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Experiment_EvalMode } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { ExperimentService } from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { Button } from "../../parts/Button.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Field } from "../../parts/Field.tsx";
import { Page } from "../../parts/Page.tsx";
import { Select } from "../../parts/Select.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { randomHex } from "../../rpc/trace.ts";
import { experiments } from "../../strings/experiments.ts";
import { listVoices } from "./catalogue.ts";
import { commandOf, type Draft, emptyDraft, planOf, requestOf } from "./draft.ts";
import { Estimate } from "./Estimate.tsx";
import type { EstimatedVoice } from "./estimate.ts";
import { MoreOptions } from "./MoreOptions.tsx";
import { webhookSecrets } from "./secrets.ts";
import { lastSpread } from "./spread.ts";
import { VoiceChoice } from "./VoiceChoice.tsx";

const text = experiments.form;
const JUDGES = ["automated", "human", "hybrid"] as const;
const PROMPT_LINES = 8;
const MAX_NAME_CHARACTERS = 200;

/** The form for a new experiment, with what it will take beside it. */
export function Create({ models }: { models: readonly string[] }) {
  const { route } = useLocation();
  const draft = useSignal<Draft>(emptyDraft(models));
  const change = (changes: Partial<Draft>) => {
    draft.value = { ...draft.peek(), ...changes };
  };
  const voices = useQuery(listVoices, []);
  const spread = useQuery((signal) => lastSpread(draft.peek().primaryMetric, signal), [draft.value.primaryMetric]);
  // A repeat of the same request must not make a second experiment, and another request needs another id.
  const sent = useRef({ content: "", id: "" });
  const create = useAction(async (isRun: boolean) => {
    const request = requestOf(draft.peek());
    const content = JSON.stringify(request);
    if (sent.current.content !== content) {
      sent.current = { content, id: randomHex(16) };
    }
    const made = await call(ExperimentService.method.createExperiment, { ...request, requestId: sent.current.id });
    webhookSecrets.remember(made);
    if (isRun) {
      await call(ExperimentService.method.runExperiment, { id: made.id });
    }
    route(`/experiments/${made.id}`);
  });
  const now = draft.value;
  const known: ReadonlyMap<string, EstimatedVoice> = voices.value ?? new Map();
  const { error } = create;
  return (
    <Page title={text.title} actions={<a href="/experiments">{text.back}</a>}>
      <form
        class="experiment-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          create.run(true);
        }}
      >
        <div class="experiment-fields">
          <Field
            label={text.name}
            value={now.name}
            required
            maxLength={MAX_NAME_CHARACTERS}
            autocomplete="off"
            onInput={(name) => change({ name })}
            error={error?.violation("name")}
          />
          {voices.error && <Failure error={voices.error} onRetry={voices.reload} />}
          <VoiceChoice
            voices={known}
            chosen={now.voices}
            onChange={(chosen) => change({ voices: chosen })}
            fault={(place) =>
              (voices.value && faultOf(now.voices, place, voices.value)) ?? voiceViolation(error, place)
            }
          />
          {error?.violation("models") && <p class="field-error">{error.violation("models")}</p>}
          <Field
            label={text.prompts}
            value={now.prompts}
            lines={PROMPT_LINES}
            required
            hint={text.promptsHint}
            onInput={(prompts) => change({ prompts })}
            error={promptViolations(error)}
          />
          <div class="experiment-row">
            <Select
              label={text.scenario}
              hint={text.scenarioHint}
              value={now.scenario}
              onChange={(scenario) => change({ scenario })}
              choices={Object.entries(experiments.scenarios).map(([value, label]) => ({ value, label }))}
            />
            <Select
              label={text.judges}
              value={Experiment_EvalMode[now.evalMode] ?? ""}
              onChange={(name) => change({ evalMode: Experiment_EvalMode[name as (typeof JUDGES)[number]] })}
              choices={JUDGES.map((name) => ({ value: name, label: experiments.judges[name] }))}
            />
          </div>
          <MoreOptions draft={now} onChange={change} error={error} />
        </div>
        <div class="experiment-side">
          <Estimate plan={planOf(now, voices.value)} spread={spread.value} />
          {error && <Failure error={error} />}
          <p class="actions">
            <Button kind="main" type="submit" busy={create.busy}>
              {text.run}
            </Button>
            <Button busy={create.busy} onClick={() => create.run(false)}>
              {text.save}
            </Button>
            <CopyAs method={ExperimentService.method.createExperiment} request={requestOf(now)} cli={commandOf(now)} />
          </p>
        </div>
      </form>
    </Page>
  );
}

function faultOf(chosen: readonly string[], place: number, known: ReadonlyMap<string, EstimatedVoice>) {
  const name = chosen[place];
  if (!name) {
    return undefined;
  }
  if (!known.has(name)) {
    return text.unknownVoice(name);
  }
  return chosen.indexOf(name) < place ? text.twice : undefined;
}

type Fault = ReturnType<typeof useAction>["error"];

function voiceViolation(error: Fault, place: number): string | undefined {
  return error?.violations.find(({ field }) => field.startsWith(`models[${place}]`))?.description;
}

function promptViolations(error: Fault): string | undefined {
  const found = error?.violations.filter(({ field }) => field === "prompts" || field.startsWith("prompts["));
  return (
    found
      ?.map(({ field, description }) => (field === "prompts" ? description : `${field}: ${description}`))
      .join("; ") || undefined
  );
}
