import { useSignal } from "@preact/signals";
import {
  type Experiment,
  Experiment_EvalMode,
  Experiment_Status,
} from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import {
  ExperimentService,
  ExportExperimentRequest_Format as Format,
  ExportExperimentRequest_Table as Kind,
} from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { useBlobUrl } from "../../audio/use_player.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { Button } from "../../parts/Button.tsx";
import { download } from "../../parts/download.ts";
import { Failure } from "../../parts/Failure.tsx";
import { Section } from "../../parts/Page.tsx";
import { Select } from "../../parts/Select.tsx";
import { announce } from "../../parts/Status.tsx";
import { useAction } from "../../rpc/action.ts";
import { call, stream } from "../../rpc/client.ts";
import { readFile } from "../../rpc/file.ts";
import { experiments } from "../../strings/experiments.ts";
import { Report } from "./Report.tsx";

const text = experiments.files;
const { method } = ExperimentService;
const CARD_TIMEOUT_MS = 30_000;

/** What can be taken away: exports, the report and the share card. */
export function Files({ experiment }: { experiment: Experiment }) {
  return (
    <>
      <Exports experiment={experiment} />
      <Report experiment={experiment} />
      <Card experiment={experiment} />
    </>
  );
}

function Exports({ experiment }: { experiment: Experiment }) {
  const { id } = experiment;
  const table = useSignal<keyof typeof text.tables>("trials");
  const format = useSignal<keyof typeof text.formats>("csv");
  const request = { id, table: Kind[table.value], format: Format[format.value] };
  const saveAs = `${id}-${table.value}.${format.value}`;
  const take = useAction(async () => {
    const file = await readFile(stream(method.exportExperiment, request));
    download(saveAs, file.type, file);
    announce(text.downloaded(saveAs));
  });
  const tables = Object.entries(text.tables).filter(
    ([name]) => name !== "votes" || experiment.evalMode !== Experiment_EvalMode.automated,
  );
  return (
    <Section title={text.exports}>
      <div class="experiment-filters">
        <Select
          label={text.table}
          value={table.value}
          choices={tables.map(([value, label]) => ({ value, label }))}
          onChange={(value) => {
            table.value = value as keyof typeof text.tables;
          }}
        />
        <Select
          label={text.format}
          value={format.value}
          choices={Object.entries(text.formats).map(([value, label]) => ({ value, label }))}
          onChange={(value) => {
            format.value = value as keyof typeof text.formats;
          }}
        />
        <Button busy={take.busy} onClick={() => take.run()}>
          {text.download}
        </Button>
        <CopyAs
          method={method.exportExperiment}
          request={request}
          saveAs={saveAs}
          cli={["experiment", "export", id, "--table", table.value, "--format", format.value]}
        />
      </div>
      {take.error && <Failure error={take.error} onRetry={() => take.run()} />}
    </Section>
  );
}

function Card({ experiment }: { experiment: Experiment }) {
  const { id, name, status } = experiment;
  const card = useSignal<Blob | undefined>(undefined);
  const make = useAction(async () => {
    const { data, contentType } = await call(method.getVerdictCard, { id }, { timeoutMs: CARD_TIMEOUT_MS });
    card.value = new Blob([new Uint8Array(data)], { type: contentType });
  });
  return (
    <Section title={text.card}>
      <p>{status === Experiment_Status.completed ? text.cardText : text.cardWait}</p>
      {status === Experiment_Status.completed && (
        <p class="actions">
          <Button busy={make.busy} onClick={() => make.run()}>
            {text.cardShow}
          </Button>
          <CopyAs method={method.getVerdictCard} request={{ id }} saveAs={`${id}.png`} />
        </p>
      )}
      {make.error && <Failure error={make.error} onRetry={() => make.run()} />}
      {card.value && <CardImage blob={card.value} name={name} file={`${id}.png`} />}
    </Section>
  );
}

function CardImage({ blob, name, file }: { blob: Blob; name: string; file: string }) {
  const url = useBlobUrl(blob);
  return (
    <figure class="verdict-card">
      <img src={url} width="1200" height="630" alt={text.cardAlt(name)} />
      <figcaption>
        <a href={url} download={file}>
          {text.download}
        </a>
      </figcaption>
    </figure>
  );
}
