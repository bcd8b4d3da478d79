import { useSignal } from "@preact/signals";
import { useCallback, useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { EvaluationService } from "../../../gen/voicearena/scoring/v1/evaluation_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { bytes } from "../../format/number.ts";
import { Button } from "../../parts/Button.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Field } from "../../parts/Field.tsx";
import { NeedsKey } from "../../parts/NeedsKey.tsx";
import { Select } from "../../parts/Select.tsx";
import { announce } from "../../parts/Status.tsx";
import { useAction } from "../../rpc/action.ts";
import { type ApiError, Code, UNREACHABLE } from "../../rpc/errors.ts";
import { randomHex } from "../../rpc/trace.ts";
import { upload } from "../../rpc/upload.ts";
import { playground } from "../../strings/playground.ts";
import { Latest } from "./Latest.tsx";
import { type Chosen, Source } from "./Source.tsx";

const text = playground.evaluate;
const ROUTE = "/api/v1/evaluations";
const TOO_LARGE = "REQUEST_TOO_LARGE";
/** A connection that ends during a smaller upload ended for another reason than its size. */
const SUSPICIOUS_BYTES = 20_000_000;
const CHANNELS = Object.entries(text.channelChoices).map(([value, label]) => ({ value, label }));

/** A recording is chosen, sent and evaluated. Its own screen shows the steps as they run. */
export function Evaluate() {
  if (apiKey.value === undefined) {
    return <NeedsKey text={text.needsKey} />;
  }
  return (
    <>
      <Form />
      <Latest />
    </>
  );
}

function Form() {
  const { route } = useLocation();
  const chosen = useSignal<Chosen | undefined>(undefined);
  const sent = useSignal<{ bytes: number; all: number } | undefined>(undefined);
  const form = useSignal({ reference: "", language: "", speakers: "", channels: "split", telephone: true });
  const sending = useRef(new AbortController());
  useEffect(() => () => sending.current.abort(), []);
  const set = (change: Partial<typeof form.value>) => {
    form.value = { ...form.value, ...change };
  };
  const choose = useCallback((next?: Chosen) => {
    chosen.value = next;
    send.clear();
  }, []);

  const send = useAction(async () => {
    const { file, name } = chosen.value as Chosen;
    sending.current = new AbortController();
    const body = new FormData();
    for (const [field, value] of Object.entries(fieldsOf(form.value))) {
      body.append(field, value);
    }
    body.append("request_id", randomHex(16));
    body.append("audio", file, name);
    try {
      const evaluation = (await upload(ROUTE, body, {
        signal: sending.current.signal,
        onProgress: (done, all) => {
          sent.value = { bytes: done, all };
        },
      })) as { id: string };
      announce(text.began);
      route(`/evaluations/${evaluation.id}`);
    } finally {
      sent.value = undefined;
    }
  });

  const { error } = send;
  const isCancelled = error?.code === Code.CANCELLED;
  const explained = error && explanation(error, chosen.value?.file.size ?? 0);
  return (
    <form
      class="playground-form"
      onSubmit={(event) => {
        event.preventDefault();
        void send.run();
      }}
    >
      <p class="field-hint">{text.seventeen}</p>
      <Source chosen={chosen.value} onChoose={choose} />
      <Field
        label={text.reference}
        value={form.value.reference}
        lines={3}
        maxLength={100_000}
        hint={text.referenceHint}
        {...violation(error, "reference_text")}
        onInput={(reference) => set({ reference })}
      />
      <div class="playground-options">
        <Field
          label={text.language}
          value={form.value.language}
          placeholder="en"
          hint={text.languageHint}
          {...violation(error, "language")}
          onInput={(language) => set({ language })}
        />
        <Field
          label={text.speakers}
          type="number"
          min={1}
          max={20}
          value={form.value.speakers}
          hint={text.speakersHint}
          {...violation(error, "num_speakers")}
          onInput={(speakers) => set({ speakers })}
        />
        <Select
          label={text.channels}
          value={form.value.channels}
          choices={CHANNELS}
          onChange={(channels) => set({ channels })}
        />
      </div>
      <label class="choice">
        <input
          type="checkbox"
          checked={form.value.telephone}
          onChange={(event) => set({ telephone: event.currentTarget.checked })}
        />
        {text.telephone}
      </label>
      {explained && <p class="field-error">{explained}</p>}
      {error && !isCancelled && (
        <Failure error={error} {...(error.retryable ? { onRetry: () => void send.run() } : {})} />
      )}
      {sent.value && (
        <div class="playground-sending" role="status">
          <progress max={sent.value.all} value={sent.value.bytes} aria-label={text.start} />
          <span>
            {sent.value.bytes < sent.value.all
              ? text.sending(bytes(sent.value.bytes), bytes(sent.value.all))
              : text.sent}
          </span>
        </div>
      )}
      <p class="actions">
        <Button kind="main" type="submit" busy={send.busy} disabled={!chosen.value}>
          {text.start}
        </Button>
        {send.busy && <Button onClick={() => sending.current.abort()}>{text.cancel}</Button>}
        <CopyAs
          method={EvaluationService.method.createEvaluation}
          request={{
            referenceText: form.value.reference,
            language: form.value.language,
            channels: form.value.channels,
            conditions: form.value.telephone ? ["telephone"] : [],
          }}
          upload={chosen.value?.name ?? "call.wav"}
          cli={cliOf(form.value, chosen.value?.name ?? "call.wav")}
        />
      </p>
      {!chosen.value && <p class="field-hint">{text.none}</p>}
    </form>
  );
}

interface FormValues {
  reference: string;
  language: string;
  speakers: string;
  channels: string;
  telephone: boolean;
}

/** Returns the fields of CreateEvaluationRequest that are not empty. */
function fieldsOf(form: FormValues): Record<string, string> {
  const all = {
    reference_text: form.reference,
    language: form.language.trim(),
    num_speakers: form.speakers,
    channels: form.channels,
    conditions: form.telephone ? "telephone" : "",
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

function cliOf(form: FormValues, file: string): string[] {
  return [
    "evaluate",
    file,
    ...(form.reference ? ["--reference", form.reference] : []),
    ...(form.language ? ["--language", form.language] : []),
    ...(form.speakers ? ["--num-speakers", form.speakers] : []),
    "--channels",
    form.channels,
    ...(form.telephone ? ["--condition", "telephone"] : []),
  ];
}

function violation(error: ApiError | undefined, field: string): { error?: string } {
  const found = error?.violation(field);
  return found ? { error: found } : {};
}

/** Returns what a failed upload means, where the error alone does not say what to do. */
function explanation(error: ApiError, size: number): string {
  if (error.reason === TOO_LARGE) {
    return text.tooLarge(bytes(size));
  }
  return error.reason === UNREACHABLE && size > SUSPICIOUS_BYTES ? text.dropped(bytes(size)) : "";
}
