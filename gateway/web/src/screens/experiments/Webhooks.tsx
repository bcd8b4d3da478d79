import type { Experiment } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import {
  WebhookDelivery_Status as Status,
  type WebhookAttempt,
  type WebhookDelivery,
} from "../../../gen/voicearena/experiments/v1/webhook_pb.js";
import { WebhookService } from "../../../gen/voicearena/experiments/v1/webhook_service_pb.js";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { milliseconds } from "../../format/duration.ts";
import { Measured, When } from "../../format/Measured.tsx";
import { ABSENT, count } from "../../format/number.ts";
import { absolute } from "../../format/time.ts";
import { Button } from "../../parts/Button.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { List } from "../../parts/List.tsx";
import { announce } from "../../parts/Status.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { usePages } from "../../rpc/pages.ts";
import { experiments } from "../../strings/experiments.ts";

const text = experiments.webhooks;
const { method } = WebhookService;

/** The messages to the webhook of an experiment, with every attempt. */
export function Webhooks({ experiment }: { experiment: Experiment }) {
  const { id } = experiment;
  const deliveries = usePages(
    async (pageToken, signal) => {
      const page = await call(method.listWebhookDeliveries, { experimentId: id, pageToken }, { signal });
      return { rows: page.deliveries, nextPageToken: page.nextPageToken };
    },
    [id, experiment.status],
    { keep: true },
  );
  const columns: Column<WebhookDelivery>[] = [
    { id: "type", heading: text.type, cell: (delivery) => <code>{delivery.type}</code> },
    { id: "status", heading: text.status, cell: (delivery) => statusName(delivery.status) },
    { id: "attempts", heading: text.attempts, cell: (delivery) => <Attempts attempts={delivery.attempts} /> },
    { id: "next", heading: text.next, cell: (delivery) => <When at={delivery.nextAttemptAt} /> },
    { id: "error", heading: text.error, cell: (delivery) => <Measured text={delivery.errorMessage || ABSENT} /> },
    {
      id: "again",
      heading: text.again,
      cell: (delivery) => <Again experimentId={id} delivery={delivery} onSent={deliveries.reload} />,
    },
  ];
  return (
    <>
      <p>
        <bdi>{experiment.webhookUrl}</bdi>{" "}
        <CopyAs
          method={method.listWebhookDeliveries}
          request={{ experimentId: id }}
          cli={["experiment", "deliveries", id]}
        />
      </p>
      <List
        pages={deliveries}
        empty={<Empty title={text.none} text={text.noneText} command={`arena experiment watch ${id}`} />}
      >
        {(rows) => <Table caption={text.caption} columns={columns} rows={rows} rowKey={(delivery) => delivery.id} />}
      </List>
    </>
  );
}

function statusName(status: Status): string {
  const name = Status[status] ?? "";
  return (text.statuses as Record<string, string>)[name] ?? name;
}

function Attempts({ attempts }: { attempts: readonly WebhookAttempt[] }) {
  return attempts.length === 0 ? (
    <span>{count(0)}</span>
  ) : (
    <details>
      <summary>{count(attempts.length)}</summary>
      <ol class="attempts">
        {attempts.map((attempt, index) => (
          <li key={index}>
            {text.attempt(
              absolute(attempt.attemptedAt),
              attempt.responseStatus === undefined ? text.noResponse : String(attempt.responseStatus),
              milliseconds(attempt.durationMs),
            )}
            {attempt.error !== "" && ` (${attempt.error})`}
          </li>
        ))}
      </ol>
    </details>
  );
}

function Again({
  experimentId,
  delivery,
  onSent,
}: {
  experimentId: string;
  delivery: WebhookDelivery;
  onSent: () => void;
}) {
  const again = useAction(async () => {
    await call(method.redeliverWebhook, { experimentId, deliveryId: delivery.id });
    announce(text.sent);
    onSent();
  });
  return (
    <>
      <Button busy={again.busy} onClick={() => again.run()}>
        {text.again}
      </Button>
      {again.error && <Failure error={again.error} />}
    </>
  );
}
