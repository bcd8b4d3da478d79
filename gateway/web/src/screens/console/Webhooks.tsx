// The endpoints that are notified. The messages themselves are on the screens of what they are about.

import { useSignal } from "@preact/signals";
import type { WebhookEndpoint } from "../../../gen/voicearena/experiments/v1/webhook_pb.js";
import { WebhookService } from "../../../gen/voicearena/experiments/v1/webhook_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { When } from "../../format/Measured.tsx";
import { Button } from "../../parts/Button.tsx";
import { Confirm } from "../../parts/Confirm.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Field } from "../../parts/Field.tsx";
import { List } from "../../parts/List.tsx";
import { NeedsKey } from "../../parts/NeedsKey.tsx";
import { Section } from "../../parts/Page.tsx";
import { announce } from "../../parts/Status.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { usePages } from "../../rpc/pages.ts";
import { texts } from "../../strings/console.ts";
import { Secret } from "./Secret.tsx";
import "./console.css";

const { webhooks } = texts;

export function Webhooks() {
  return apiKey.value ? <OwnEndpoints /> : <NeedsKey />;
}

function OwnEndpoints() {
  const list = usePages(async (pageToken, signal) => {
    const page = await call(WebhookService.method.listWebhookEndpoints, { pageToken, pageSize: 50 }, { signal });
    return { rows: page.endpoints, nextPageToken: page.nextPageToken };
  }, []);
  const secret = useSignal<string | undefined>(undefined);
  const deleted = useSignal<WebhookEndpoint | undefined>(undefined);
  const rotate = useAction(async (endpoint: WebhookEndpoint) => {
    secret.value = (await call(WebhookService.method.rotateWebhookSecret, { id: endpoint.id })).secret;
    list.reload();
  });
  const enable = useAction(async (endpoint: WebhookEndpoint) => {
    await call(WebhookService.method.enableWebhookEndpoint, { id: endpoint.id });
    list.reload();
  });
  const failed = rotate.error ?? enable.error;

  const columns: Column<WebhookEndpoint>[] = [
    { id: "url", heading: webhooks.url, cell: (endpoint) => endpoint.url },
    {
      id: "state",
      heading: webhooks.state,
      cell: (endpoint) => (endpoint.enabled ? webhooks.enabled : `${webhooks.disabled}: ${endpoint.disabledReason}`),
    },
    { id: "created", heading: webhooks.created, cell: (endpoint) => <When at={endpoint.createdAt} /> },
    {
      id: "secret",
      heading: webhooks.secret,
      cell: (endpoint) => (
        <>
          <When at={endpoint.secretRotatedAt ?? endpoint.createdAt} />
          {endpoint.oldSecretExpiresAt && (
            <>
              , {webhooks.bothUntil} <When at={endpoint.oldSecretExpiresAt} />
            </>
          )}
        </>
      ),
    },
    {
      id: "actions",
      heading: webhooks.actions,
      cell: (endpoint) => (
        <span class="row-actions">
          {!endpoint.enabled && (
            <Button
              kind="quiet"
              aria-label={`${webhooks.enable}: ${endpoint.url}`}
              onClick={() => enable.run(endpoint)}
            >
              {webhooks.enable}
            </Button>
          )}
          <Button kind="quiet" aria-label={`${webhooks.rotate}: ${endpoint.url}`} onClick={() => rotate.run(endpoint)}>
            {webhooks.rotate}
          </Button>
          <Button
            kind="quiet"
            aria-label={`${webhooks.remove}: ${endpoint.url}`}
            onClick={() => {
              deleted.value = endpoint;
            }}
          >
            {webhooks.remove}
          </Button>
        </span>
      ),
    },
  ];

  return (
    <Section
      title={webhooks.title}
      actions={
        <CopyAs
          method={WebhookService.method.listWebhookEndpoints}
          request={{ pageSize: 50 }}
          cli={["webhooks", "list"]}
        />
      }
    >
      <p>{webhooks.lead}</p>
      <Add
        onAdded={(added) => {
          secret.value = added;
          list.reload();
        }}
      />
      {failed && <Failure error={failed} />}
      <List
        pages={list}
        empty={<Empty title={webhooks.empty} text={webhooks.emptyText} command={webhooks.emptyCommand} />}
      >
        {(rows) => (
          <Table caption={webhooks.caption} columns={columns} rows={rows} rowKey={(endpoint) => endpoint.id} />
        )}
      </List>
      {deleted.value && (
        <Delete
          endpoint={deleted.value}
          onClose={() => {
            deleted.value = undefined;
            list.reload();
          }}
        />
      )}
      {secret.value && (
        <Secret
          title={webhooks.secretTitle}
          secret={secret.value}
          text={webhooks.secretText}
          onClose={() => {
            secret.value = undefined;
          }}
        />
      )}
    </Section>
  );
}

function Add({ onAdded }: { onAdded: (secret: string) => void }) {
  const url = useSignal("");
  const add = useAction(async () => {
    const added = await call(WebhookService.method.createWebhookEndpoint, { url: url.value });
    url.value = "";
    onAdded(added.secret);
  });
  const urlError = add.error?.violation("url");
  return (
    <form
      class="console-form"
      onSubmit={(event) => {
        event.preventDefault();
        add.run();
      }}
    >
      <Field
        label={webhooks.url}
        type="url"
        hint={webhooks.urlHint}
        required
        maxLength={2048}
        autocomplete="off"
        value={url.value}
        error={urlError}
        onInput={(text) => {
          url.value = text;
        }}
      />
      {add.error && !urlError && <Failure error={add.error} />}
      <p class="actions">
        <Button type="submit" kind="main" busy={add.busy}>
          {webhooks.add}
        </Button>
      </p>
    </form>
  );
}

function Delete({ endpoint, onClose }: { endpoint: WebhookEndpoint; onClose: () => void }) {
  const remove = useAction(async () => {
    await call(WebhookService.method.deleteWebhookEndpoint, { id: endpoint.id });
    announce(webhooks.removed);
  });
  return (
    <Confirm
      title={webhooks.removeTitle}
      text={webhooks.removeText(endpoint.url)}
      verb={webhooks.remove}
      action={remove}
      onClose={onClose}
    />
  );
}
