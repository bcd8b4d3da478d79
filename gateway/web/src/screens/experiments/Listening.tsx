import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { type Experiment, Experiment_Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import type { ListeningLink } from "../../../gen/voicearena/experiments/v1/listening_pb.js";
import { ListeningService } from "../../../gen/voicearena/experiments/v1/listening_service_pb.js";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { serverNow } from "../../format/clock.ts";
import { When } from "../../format/Measured.tsx";
import { count } from "../../format/number.ts";
import { absolute, stampMs } from "../../format/time.ts";
import { Button } from "../../parts/Button.tsx";
import { Confirm } from "../../parts/Confirm.tsx";
import { Command } from "../../parts/Copy.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Field } from "../../parts/Field.tsx";
import { List } from "../../parts/List.tsx";
import { Section } from "../../parts/Page.tsx";
import { announce } from "../../parts/Status.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { useAction } from "../../rpc/action.ts";
import { call } from "../../rpc/client.ts";
import { usePages } from "../../rpc/pages.ts";
import { randomHex } from "../../rpc/trace.ts";
import { experiments } from "../../strings/experiments.ts";
import { hasEnded } from "./names.ts";

const text = experiments.listening;
const { method } = ListeningService;
const DAY_SECONDS = 86_400;

interface ListeningProps {
  experiment: Experiment;
  onChange: (experiment: Experiment) => void;
}

/** The people who judge: their progress and the links through which they come. */
export function Listening({ experiment, onChange }: ListeningProps) {
  const { id } = experiment;
  // A link to an experiment that has ended leads to no pair, and the API makes no new one.
  const isOver = hasEnded(experiment.status);
  const isClosing = useSignal(false);
  const links = usePages(
    async (pageToken, signal) => {
      const page = await call(method.listListeningLinks, { experimentId: id, pageToken }, { signal });
      return { rows: page.links, nextPageToken: page.nextPageToken };
    },
    [id, experiment.listening?.votesReceived],
    { keep: true },
  );
  const close = useAction(async () => {
    onChange(await call(method.closeListening, { experimentId: id }));
    announce(text.closedNow);
  });
  return (
    <>
      <p class="listening-progress">
        <ProgressOfVotes experiment={experiment} />
        {experiment.listening?.open && (
          <Button
            onClick={() => {
              isClosing.value = true;
            }}
          >
            {text.close}
          </Button>
        )}
        <CopyAs method={method.listListeningLinks} request={{ experimentId: id }} cli={["listen", "links", id]} />
      </p>
      {isClosing.value && (
        <Confirm
          title={text.close}
          text={text.closeText}
          verb={text.close}
          action={close}
          onClose={() => {
            isClosing.value = false;
          }}
        />
      )}
      {!isOver && <NewLink experimentId={id} onMade={links.reload} />}
      <List
        pages={links}
        empty={
          isOver ? (
            <Empty title={text.none} text={text.noneOver} />
          ) : (
            <Empty title={text.none} text={text.noneText} command={`arena listen link ${id}`} />
          )
        }
      >
        {(rows) => (
          <Table
            caption={text.caption}
            columns={columnsOf(id, isOver, links.reload)}
            rows={rows}
            rowKey={(link) => link.id}
          />
        )}
      </List>
    </>
  );
}

function ProgressOfVotes({ experiment }: { experiment: Experiment }) {
  const { listening, status } = experiment;
  if (!listening || listening.votesNeeded === 0) {
    return <span>{text.opens}</span>;
  }
  return (
    <>
      <progress value={listening.votesReceived} max={listening.votesNeeded} aria-label={text.votes} />
      <span>{text.progress(count(listening.votesReceived), count(listening.votesNeeded))}</span>
      {listening.open && listening.closesAt && status === Experiment_Status.running ? (
        <span>
          {text.closes} {absolute(listening.closesAt)}
        </span>
      ) : (
        <span>{text.closed}</span>
      )}
    </>
  );
}

function NewLink({ experimentId, onMade }: { experimentId: string; onMade: () => void }) {
  const days = useSignal("14");
  const perAddress = useSignal("3");
  const url = useSignal("");
  const requestId = useRef(randomHex(16));
  const create = useAction(async () => {
    const request = {
      experimentId,
      expiresInSeconds: Math.round((Number(days.peek()) || 0) * DAY_SECONDS),
      maxListenersPerAddress: Number(perAddress.peek()) || 0,
      requestId: requestId.current,
    };
    const made = await call(method.createListeningLink, request);
    requestId.current = randomHex(16);
    url.value = made.url;
    onMade();
  });
  const change = (field: typeof days) => (value: string) => {
    field.value = value;
    requestId.current = randomHex(16);
  };
  return (
    <Section title={text.create}>
      <form
        class="experiment-row"
        onSubmit={(event) => {
          event.preventDefault();
          create.run();
        }}
      >
        <Field
          label={text.days}
          type="number"
          min={1}
          max={90}
          value={days.value}
          onInput={change(days)}
          error={create.error?.violation("expires_in_seconds")}
        />
        <Field
          label={text.perAddress}
          type="number"
          min={0}
          max={1000}
          hint={text.perAddressHint}
          value={perAddress.value}
          onInput={change(perAddress)}
          error={create.error?.violation("max_listeners_per_address")}
        />
        <p class="actions">
          <Button kind="main" type="submit" busy={create.busy}>
            {text.create}
          </Button>
        </p>
      </form>
      {create.error && <Failure error={create.error} />}
      {url.value !== "" && (
        <div class="experiment-secret">
          <p>{text.made}</p>
          <Command text={url.value} />
        </div>
      )}
    </Section>
  );
}

function columnsOf(experimentId: string, isOver: boolean, onRevoked: () => void): Column<ListeningLink>[] {
  const columns: Column<ListeningLink>[] = [
    { id: "link", heading: text.link, cell: (link) => <code>{link.id.slice(0, 12)}</code> },
    { id: "state", heading: text.state, cell: (link) => <LinkState link={link} isOver={isOver} /> },
    { id: "listeners", heading: text.listeners, numeric: true, cell: (link) => count(link.listeners) },
    { id: "votes", heading: text.votes, numeric: true, cell: (link) => count(link.votes) },
    { id: "excluded", heading: text.excluded, numeric: true, cell: (link) => count(link.excludedVotes) },
  ];
  const revoke: Column<ListeningLink> = {
    id: "revoke",
    heading: text.revoke,
    cell: (link) => !link.revokedAt && <Revoke experimentId={experimentId} link={link} onRevoked={onRevoked} />,
  };
  return isOver ? columns : [...columns, revoke];
}

function LinkState({ link, isOver }: { link: ListeningLink; isOver: boolean }) {
  if (link.revokedAt) {
    return (
      <>
        {text.revoked} <When at={link.revokedAt} />
      </>
    );
  }
  if (isOver) {
    return <>{text.over}</>;
  }
  if (link.expiresAt && stampMs(link.expiresAt) < serverNow()) {
    return <>{text.expired}</>;
  }
  return (
    <>
      {text.works} {absolute(link.expiresAt)}
    </>
  );
}

function Revoke({
  experimentId,
  link,
  onRevoked,
}: {
  experimentId: string;
  link: ListeningLink;
  onRevoked: () => void;
}) {
  const asks = useSignal(false);
  const revoke = useAction(async () => {
    await call(method.revokeListeningLink, { experimentId, linkId: link.id });
    announce(text.revokedNow);
    onRevoked();
  });
  return (
    <>
      <Button
        kind="danger"
        onClick={() => {
          asks.value = true;
        }}
      >
        {text.revoke}
      </Button>
      {asks.value && (
        <Confirm
          title={text.revokeTitle}
          text={text.revokeText}
          verb={text.revoke}
          action={revoke}
          onClose={() => {
            asks.value = false;
          }}
        />
      )}
    </>
  );
}
