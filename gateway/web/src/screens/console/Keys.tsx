// The keys of the developer: which there are, what they allow, and their end.

import { useSignal } from "@preact/signals";
import type { ApiKey } from "../../../gen/voicearena/auth/v1/auth_pb.js";
import { AuthService } from "../../../gen/voicearena/auth/v1/auth_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { When } from "../../format/Measured.tsx";
import { absolute } from "../../format/time.ts";
import { Button } from "../../parts/Button.tsx";
import { Confirm } from "../../parts/Confirm.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { List } from "../../parts/List.tsx";
import { NeedsKey } from "../../parts/NeedsKey.tsx";
import { Section } from "../../parts/Page.tsx";
import { announce } from "../../parts/Status.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { usePages } from "../../rpc/pages.ts";
import { randomHex } from "../../rpc/trace.ts";
import { texts } from "../../strings/console.ts";
import { CreateKey } from "./CreateKey.tsx";
import { keyState } from "./key_state.ts";
import { Secret } from "./Secret.tsx";
import "./console.css";

const { keys } = texts;

interface Issued {
  title: string;
  key: string;
  text?: string;
}

export function Keys() {
  return apiKey.value ? <OwnKeys credential={apiKey.value} /> : <NeedsKey />;
}

function OwnKeys({ credential }: { credential: string }) {
  const list = usePages(async (pageToken, signal) => {
    const page = await call(AuthService.method.listApiKeys, { pageToken, pageSize: 50 }, { signal });
    return { rows: page.apiKeys, nextPageToken: page.nextPageToken };
  }, []);
  const isCreating = useSignal(false);
  const revoked = useSignal<ApiKey | undefined>(undefined);
  const issued = useSignal<Issued | undefined>(undefined);

  const rotate = useAction(async (key: ApiKey) => {
    const response = await call(AuthService.method.rotateApiKey, { id: key.id, requestId: randomHex(16) });
    issued.value = { title: keys.rotated(key.name), key: response.key, text: keys.rotateText };
    list.reload();
  });

  const columns: Column<ApiKey>[] = [
    { id: "name", heading: keys.name, cell: (key) => <bdi>{key.name}</bdi> },
    {
      id: "prefix",
      heading: keys.prefix,
      cell: (key) => (
        <>
          <code>{key.prefix}</code> {credential.startsWith(key.prefix) && <span class="badge">{keys.thisOne}</span>}
        </>
      ),
    },
    { id: "state", heading: keys.state, cell: (key) => keys.states[keyState(key)] },
    { id: "scopes", heading: keys.scopes, cell: (key) => key.scopes.join(", ") },
    { id: "created", heading: keys.created, cell: (key) => <When at={key.createdAt} /> },
    {
      id: "used",
      heading: keys.lastUsed,
      cell: (key) => (key.lastUsedAt ? <When at={key.lastUsedAt} /> : keys.neverUsed),
    },
    { id: "expires", heading: keys.expires, cell: (key) => (key.expiresAt ? absolute(key.expiresAt) : keys.never) },
    {
      id: "actions",
      heading: keys.actions,
      cell: (key) => (
        <KeyActions
          apiKey={key}
          onRotate={() => rotate.run(key)}
          onRevoke={() => {
            revoked.value = key;
          }}
        />
      ),
    },
  ];

  return (
    <Section
      title={keys.title}
      actions={
        <>
          <CopyAs method={AuthService.method.listApiKeys} request={{ pageSize: 50 }} cli={["keys", "list"]} />
          <Button
            kind="main"
            onClick={() => {
              isCreating.value = true;
            }}
          >
            {keys.create}
          </Button>
        </>
      }
    >
      {rotate.error && <Failure error={rotate.error} />}
      <List pages={list} empty={<Empty title={keys.empty} command="arena keys create --name ci" />}>
        {(rows) => (
          <Table
            caption={keys.caption}
            columns={columns}
            rows={rows}
            rowKey={(key) => key.id}
            rowClass={(key) => (["active", "replaced"].includes(keyState(key)) ? undefined : "muted")}
          />
        )}
      </List>
      {isCreating.value && (
        <CreateKey
          onClose={() => {
            isCreating.value = false;
          }}
          onCreated={(name, key) => {
            isCreating.value = false;
            issued.value = { title: keys.created_(name), key };
            list.reload();
          }}
        />
      )}
      {revoked.value && (
        <Revoke
          apiKey={revoked.value}
          isOwn={credential.startsWith(revoked.value.prefix)}
          onClose={() => {
            revoked.value = undefined;
            list.reload();
          }}
        />
      )}
      {issued.value && (
        <Secret
          title={issued.value.title}
          secret={issued.value.key}
          text={issued.value.text}
          onClose={() => {
            issued.value = undefined;
          }}
        />
      )}
    </Section>
  );
}

interface KeyActionsProps {
  apiKey: ApiKey;
  onRotate: () => void;
  onRevoke: () => void;
}

function KeyActions({ apiKey: key, onRotate, onRevoke }: KeyActionsProps) {
  const state = keyState(key);
  if (state === "revoked" || state === "expired") {
    return null;
  }
  return (
    <span class="row-actions">
      {state === "active" && (
        <Button kind="quiet" aria-label={`${keys.rotate}: ${key.name}`} onClick={onRotate}>
          {keys.rotate}
        </Button>
      )}
      <Button kind="quiet" aria-label={`${keys.revoke}: ${key.name}`} onClick={onRevoke}>
        {keys.revoke}
      </Button>
    </span>
  );
}

function Revoke({ apiKey: key, isOwn, onClose }: { apiKey: ApiKey; isOwn: boolean; onClose: () => void }) {
  const revoke = useAction(async () => {
    await call(AuthService.method.revokeApiKey, { id: key.id });
    announce(keys.revoked(key.name));
  });
  return (
    <Confirm
      title={keys.revokeTitle(key.name)}
      text={isOwn ? `${keys.revokeText} ${keys.revokeOwn}` : keys.revokeText}
      verb={keys.revoke}
      action={revoke}
      onClose={onClose}
    />
  );
}
