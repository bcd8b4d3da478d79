// Whether the mesh works and keeps up. Without a key only the first.

import { useEffect } from "preact/hooks";
import type { ProviderStatus, TrialsAtProvider } from "../../../gen/voicearena/mesh/v1/mesh_pb.js";
import { MeshService } from "../../../gen/voicearena/mesh/v1/mesh_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { seconds } from "../../format/duration.ts";
import { Measured } from "../../format/Measured.tsx";
import { count } from "../../format/number.ts";
import { Command } from "../../parts/Copy.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Section } from "../../parts/Page.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { texts } from "../../strings/console.ts";
import { providersOf, type ServiceSummary, summaryOf, trialsOf } from "./mesh_status.ts";
import "./console.css";

const REFRESH_INTERVAL_MS = 5_000;
const { status } = texts;

const SERVICE_COLUMNS: Column<ServiceSummary>[] = [
  { id: "name", heading: status.service, cell: (service) => service.name },
  {
    id: "state",
    heading: status.state,
    cell: (service) =>
      service.state === "faulty" ? (
        <span class="state-bad">{service.faults.join("; ")}</span>
      ) : (
        <span class={service.state === "serving" ? "state-good" : undefined}>{status[service.state]}</span>
      ),
  },
  { id: "processes", heading: status.processes, numeric: true, cell: (service) => count(service.processes) },
  { id: "version", heading: status.version, cell: (service) => service.versions.join(", ") },
  { id: "uptime", heading: status.uptime, numeric: true, cell: (service) => seconds(service.uptimeSeconds) },
  { id: "waiting", heading: status.waiting, numeric: true, cell: (service) => count(service.eventsWaiting) },
  {
    id: "outbox",
    heading: status.outbox,
    numeric: true,
    cell: (service) =>
      service.outboxAgeSeconds === 0 ? status.none : <Measured text={seconds(service.outboxAgeSeconds)} />,
  },
  { id: "dead", heading: status.dead, numeric: true, cell: (service) => count(service.deadLetters) },
];

const PROVIDER_COLUMNS: Column<ProviderStatus>[] = [
  { id: "id", heading: status.provider, cell: (provider) => provider.id },
  { id: "state", heading: status.state, cell: (provider) => provider.unavailableReason || texts.voices.available },
  { id: "use", heading: status.inUse, numeric: true, cell: (provider) => count(provider.inUse) },
  { id: "limit", heading: status.limit, numeric: true, cell: (provider) => count(provider.limit) },
  { id: "queue", heading: status.queue, numeric: true, cell: (provider) => count(provider.waiting) },
  {
    id: "last",
    heading: status.last,
    cell: (provider) =>
      provider.lastErrorKind
        ? `${provider.lastErrorKind}, ${status.ago(seconds(provider.lastErrorSeconds))}`
        : status.none,
  },
];

const TRIAL_COLUMNS: Column<TrialsAtProvider>[] = [
  { id: "provider", heading: status.provider, cell: (trials) => trials.provider },
  { id: "pending", heading: status.pending, numeric: true, cell: (trials) => count(trials.pending) },
  { id: "synthesizing", heading: status.synthesizing, numeric: true, cell: (trials) => count(trials.synthesizing) },
  { id: "scoring", heading: status.scoring, numeric: true, cell: (trials) => count(trials.scoring) },
  {
    id: "longest",
    heading: status.longest,
    numeric: true,
    cell: (trials) => seconds(trials.longestWaitSeconds),
  },
];

export function MeshStatus() {
  return (
    <>
      <p>{status.doctor}</p>
      <Command text="arena doctor" />
      {apiKey.value ? <Details /> : <Health />}
    </>
  );
}

function Health() {
  const health = useQuery((signal) => call(MeshService.method.getHealth, {}, { signal }), []);
  useRefresh(health.reload);
  return (
    <Section title={status.title} actions={<CopyAs method={MeshService.method.getHealth} request={{}} />}>
      <Loaded query={health} loading={<Loading lines={1} />}>
        {() => !health.error && <p class="state-good">{status.ok}</p>}
      </Loaded>
      <p>{status.withKey}</p>
    </Section>
  );
}

function Details() {
  const found = useQuery((signal) => call(MeshService.method.getStatus, {}, { signal }), []);
  useRefresh(found.reload);
  return (
    <Section title={status.title} actions={<CopyAs method={MeshService.method.getStatus} request={{}} />}>
      <p>{status.refreshed}</p>
      <Loaded query={found} loading={<Loading lines={8} />}>
        {({ services }) => {
          const isServing = services.every((service) => service.serving);
          const trials = trialsOf(services);
          return (
            <>
              <p class={isServing ? "state-good" : "state-bad"}>{isServing ? status.ok : status.notOk}</p>
              <Table
                caption={status.caption}
                columns={SERVICE_COLUMNS}
                rows={services.map(summaryOf)}
                rowKey={(service) => service.name}
              />
              {trials.length > 0 && (
                <>
                  <h3>{status.trials}</h3>
                  <Table
                    caption={status.trialsCaption}
                    columns={TRIAL_COLUMNS}
                    rows={trials}
                    rowKey={(each) => each.provider}
                  />
                </>
              )}
              <h3>{status.providers}</h3>
              <Table
                caption={status.providersCaption}
                columns={PROVIDER_COLUMNS}
                rows={providersOf(services)}
                rowKey={(provider) => provider.id}
              />
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

/** Reads again every few seconds while the tab is visible. */
function useRefresh(reload: () => void): void {
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") {
        reload();
      }
    }, REFRESH_INTERVAL_MS);
    return () => clearInterval(timer);
  }, []);
}
