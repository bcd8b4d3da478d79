import { useSignal } from "@preact/signals";
import { useLocation } from "preact-iso";
import {
  EvaluationService,
  ExportEvaluationRequest_Format as Format,
} from "../../../gen/voicearena/scoring/v1/evaluation_service_pb.js";
import type { Evaluation } from "../../../gen/voicearena/scoring/v1/scoring_pb.js";
import { Button } from "../../parts/Button.tsx";
import { Confirm } from "../../parts/Confirm.tsx";
import { download } from "../../parts/download.ts";
import { Failure } from "../../parts/Failure.tsx";
import { Section } from "../../parts/Page.tsx";
import { announce } from "../../parts/Status.tsx";
import { useAction } from "../../rpc/action.ts";
import { call, stream } from "../../rpc/client.ts";
import { readFile } from "../../rpc/file.ts";
import type { Query } from "../../rpc/query.ts";
import { evaluationStrings as text } from "../../strings/evaluation.ts";
import { isOver } from "./following.ts";

const { method } = EvaluationService;
const FORMATS = [Format.csv, Format.json, Format.srt, Format.rttm, Format.textgrid] as const;

/** What can be done with an evaluation. That of a trial belongs to its experiment. */
export function Actions({ evaluation, query }: { evaluation: Evaluation; query: Query<Evaluation> }) {
  const { id } = evaluation;
  const { route } = useLocation();
  const asks = useSignal(false);
  const retry = useAction(async () => {
    query.set(await call(method.retryEvaluation, { id }));
    announce(text.restarted);
    // The answer has no steps.
    query.reload();
  });
  const cancel = useAction(async () => {
    await call(method.cancelEvaluation, { id });
    announce(text.wasCancelled);
    query.reload();
  });
  const remove = useAction(async () => {
    await call(method.deleteEvaluation, { id });
    announce(text.removed);
    route("/playground?tab=evaluate");
  });
  if (evaluation.trialId) {
    return null;
  }
  const error = retry.error ?? cancel.error;
  return (
    <>
      {error && <Failure error={error} />}
      {isOver(evaluation) ? (
        <>
          {evaluation.audioDeletedAt === undefined && (
            <Button busy={retry.busy} onClick={() => void retry.run()}>
              {text.actions.retry}
            </Button>
          )}
          <Button
            kind="danger"
            onClick={() => {
              asks.value = true;
            }}
          >
            {text.actions.remove}
          </Button>
        </>
      ) : (
        <Button busy={cancel.busy} onClick={() => void cancel.run()}>
          {text.actions.cancel}
        </Button>
      )}
      <a class="button" href="/playground?tab=evaluate">
        {text.actions.another}
      </a>
      {asks.value && (
        <Confirm
          title={text.removeTitle}
          text={text.removeText}
          verb={text.actions.remove}
          action={remove}
          onClose={() => {
            asks.value = false;
          }}
        />
      )}
    </>
  );
}

/** The evaluation as files. */
export function Files({ evaluation }: { evaluation: Evaluation }) {
  const { id } = evaluation;
  const save = useAction(async (format: Format) => {
    const file = await readFile(stream(method.exportEvaluation, { id, format }));
    const name = `${id}.${Format[format]}`;
    download(name, file.type, file);
    announce(text.saved(name));
  });
  return (
    <Section title={text.files}>
      {save.error && <Failure error={save.error} />}
      <p class="actions">
        {FORMATS.map((format) => (
          <Button key={format} busy={save.busy} onClick={() => void save.run(format)}>
            {(Format[format] ?? "").toUpperCase()}
          </Button>
        ))}
      </p>
    </Section>
  );
}
