import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Experiment, Experiment_Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { ExperimentService } from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { bytes } from "../../format/number.ts";
import { Button } from "../../parts/Button.tsx";
import { Command } from "../../parts/Copy.tsx";
import { download } from "../../parts/download.ts";
import { Failure } from "../../parts/Failure.tsx";
import { Section } from "../../parts/Page.tsx";
import { announce } from "../../parts/Status.tsx";
import { useAction } from "../../rpc/action.ts";
import { stream } from "../../rpc/client.ts";
import { type ApiError, Code } from "../../rpc/errors.ts";
import { readFile } from "../../rpc/file.ts";
import { experiments } from "../../strings/experiments.ts";

const text = experiments.files;
const method = ExperimentService.method.getReport;
/** The most that the API allows. A browser keeps a file in memory until it has all of it, so the page asks for less. */
const MAX_AUDIO_MB = 4096;

/** The report of a completed experiment as a file. */
export function Report({ experiment }: { experiment: Experiment }) {
  const { id, status } = experiment;
  const audio = useSignal(true);
  const received = useSignal(0);
  const reading = useRef(new AbortController());
  const saveAs = `${id}.html`;
  const request = { id, audio: audio.value };
  const take = useAction(async () => {
    reading.current = new AbortController();
    received.value = 0;
    const file = await readFile(stream(method, request, { signal: reading.current.signal }), (size) => {
      received.value = size;
    });
    download(saveAs, file.type, file);
    announce(text.downloaded(saveAs));
  });
  const failed = take.error?.code !== Code.CANCELLED && take.error;
  return (
    <Section title={text.report}>
      <p>{status === Experiment_Status.completed ? text.reportText : text.reportWait}</p>
      {status === Experiment_Status.completed && (
        <>
          <label class="choice">
            <input
              type="checkbox"
              checked={audio.value}
              disabled={take.busy}
              onChange={(event) => {
                audio.value = event.currentTarget.checked;
              }}
            />
            {text.reportAudio}
          </label>
          <p class="actions">
            <Button busy={take.busy} onClick={() => take.run()}>
              {text.reportDownload}
            </Button>
            {take.busy && <Button onClick={() => reading.current.abort()}>{text.cancel}</Button>}
            <CopyAs
              method={method}
              request={request}
              saveAs={saveAs}
              cli={["experiment", "report", id, ...(audio.value ? [] : ["--no-audio"])]}
            />
            {take.busy && received.value > 0 && (
              <span class="experiment-received">{text.received(bytes(received.value))}</span>
            )}
          </p>
        </>
      )}
      {failed && <Failed error={failed} id={id} onRetry={() => take.run()} />}
    </Section>
  );
}

function Failed({ error, id, onRetry }: { error: ApiError; id: string; onRetry: () => void }) {
  if (error.violation("max_audio_mb") === undefined) {
    return <Failure error={error} onRetry={onRetry} />;
  }
  return (
    <div role="alert">
      <p class="field-error">{text.reportTooLarge}</p>
      <Command text={`arena experiment report ${id} --max-megabytes ${MAX_AUDIO_MB}`} />
    </div>
  );
}
