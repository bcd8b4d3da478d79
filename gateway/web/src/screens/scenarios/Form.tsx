import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Scenario } from "../../../gen/voicearena/elo/v1/scenario_pb.js";
import { ScenarioService } from "../../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { Button } from "../../parts/Button.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Field } from "../../parts/Field.tsx";
import { NeedsKey } from "../../parts/NeedsKey.tsx";
import { Page } from "../../parts/Page.tsx";
import { Select } from "../../parts/Select.tsx";
import { announce } from "../../parts/Status.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { randomHex } from "../../rpc/trace.ts";
import { scenarioStrings as text } from "../../strings/scenarios.ts";
import { characters, createRequest, type Draft, draftOf, NEW, pathOf, updateRequest } from "./draft.ts";
import { DIFFICULTY_NAMES } from "./state.ts";

// The limits of the API.
const MAX_TEXT_CHARACTERS = 2000;
const MAX_DESCRIPTION_CHARACTERS = 2000;

interface FormProps {
  /** The scenario to change. A new one is added if absent. */
  scenario?: Scenario;
  onDone: (id: string) => void;
  onCancel: () => void;
}

/** Adds a scenario, or changes one. */
export function Form({ scenario, onDone, onCancel }: FormProps) {
  const draft = useSignal<Draft>(scenario ? draftOf(scenario) : NEW);
  const sent = useRef({ content: "", id: "" });
  const form = useRef<HTMLFormElement>(null);
  const save = useAction(async () => {
    const stored = scenario ? await update(scenario, draft.value) : await create(draft.value);
    onDone(stored.id);
  });
  const create = async (content: Draft) => {
    const key = JSON.stringify(content);
    // A repeated attempt has the same id, so that a lost response adds no second scenario.
    if (sent.current.content !== key) {
      sent.current = { content: key, id: randomHex(16) };
    }
    const added = await call(ScenarioService.method.createScenario, createRequest(content, sent.current.id));
    announce((added.awaitsApproval ? text.wasAddedAwaits : text.wasAdded)(added.name));
    return added;
  };
  useEffect(() => {
    // The first field that the API refuses.
    form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [save.error]);

  const title = scenario ? text.editTitle : text.newTitle;
  if (!apiKey.value) {
    return (
      <Page title={title} actions={<Button onClick={onCancel}>{text.back}</Button>}>
        <NeedsKey text={text.addNeedsKey} />
      </Page>
    );
  }
  const { error } = save;
  const of = (field: keyof Draft) => ({
    value: draft.value[field],
    onInput: (value: string) => {
      draft.value = { ...draft.value, [field]: value };
    },
    ...(error?.violation(pathOf(field)) ? { error: error.violation(pathOf(field)) } : {}),
  });
  const isShownAtFields = error?.violations.length && error.violations.every(({ field }) => isField(field));
  return (
    <Page title={title} actions={<Button onClick={onCancel}>{text.back}</Button>}>
      <form
        ref={form}
        class="scenario-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          save.run();
        }}
      >
        {scenario && scenario.totalBattles > 0 && <p class="scenario-note">{text.keptAfterBattles}</p>}
        <Field label={text.form.name} hint={text.form.nameHint} required {...of("name")} />
        <Field
          label={text.form.text}
          hint={withCount(text.form.textHint, draft.value.text, MAX_TEXT_CHARACTERS)}
          lines={6}
          required
          {...of("text")}
        />
        <div class="scenario-filters">
          <Field label={text.form.category} hint={text.form.categoryHint} spellcheck={false} {...of("category")} />
          <Field label={text.form.language} hint={text.form.languageHint} spellcheck={false} {...of("language")} />
          <Select
            label={text.form.difficulty}
            hint={text.form.difficultyHint}
            value={draft.value.difficulty}
            choices={DIFFICULTY_NAMES.map((value) => ({ value, label: text.difficulties[value] ?? value }))}
            onChange={of("difficulty").onInput}
          />
        </div>
        <Field
          label={text.form.description}
          hint={withCount(text.form.descriptionHint, draft.value.description, MAX_DESCRIPTION_CHARACTERS)}
          lines={3}
          {...of("description")}
        />
        <fieldset>
          <legend>{text.form.visibility}</legend>
          {(["public", "private"] as const).map((choice) => (
            <label key={choice} class="choice">
              <input
                type="radio"
                name="visibility"
                checked={draft.value.visibility === choice}
                onChange={() => of("visibility").onInput(choice)}
              />
              {text.form.visibilities[choice]}
            </label>
          ))}
        </fieldset>
        {error && !isShownAtFields && <Failure error={error} onRetry={() => save.run()} />}
        <p class="actions">
          <Button kind="main" type="submit" busy={save.busy}>
            {scenario ? text.form.save : text.form.add}
          </Button>
          <Button onClick={onCancel}>{text.form.cancel}</Button>
        </p>
      </form>
    </Page>
  );
}

async function update(scenario: Scenario, draft: Draft): Promise<Scenario> {
  const request = updateRequest(scenario, draft);
  if (!request) {
    announce(text.form.nothingChanged);
    return scenario;
  }
  const changed = await call(ScenarioService.method.updateScenario, request);
  announce(text.wasChanged(changed.name));
  return changed;
}

function isField(path: string): boolean {
  return (Object.keys(NEW) as (keyof Draft)[]).some((field) => pathOf(field) === path);
}

function withCount(hint: string, value: string, most: number): string {
  const used = characters(value);
  return used === 0 ? hint : `${hint} ${text.form.used(used, most)}.`;
}
