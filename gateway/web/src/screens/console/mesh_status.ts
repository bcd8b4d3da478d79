// What the status of the mesh says about each service, over all its processes.

import type {
  ProcessStatus,
  ProviderStatus,
  ServiceStatus,
  TrialsAtProvider,
} from "../../../gen/voicearena/mesh/v1/mesh_pb.js";

export interface ServiceSummary {
  name: string;
  state: "serving" | "starting" | "faulty";
  /** Each fault once: `database: connection refused`. */
  faults: string[];
  processes: number;
  versions: string[];
  /** How long the process that was started last has been running. */
  uptimeSeconds: number;
  eventsWaiting: number;
  /** Undefined if the service has no outbox. */
  outboxAgeSeconds: number | undefined;
  deadLetters: number;
}

export function summaryOf(service: ServiceStatus): ServiceSummary {
  const { processes } = service;
  const faults = processes.flatMap((process) => process.faults);
  const outboxes = processes.flatMap((process) => process.outboxAgeSeconds ?? []);
  return {
    name: service.name,
    state: service.serving ? "serving" : faults.length === 0 ? "starting" : "faulty",
    faults: distinct(faults.map((fault) => `${fault.name}: ${fault.reason}`)),
    processes: processes.length,
    versions: distinct(processes.map((process) => process.version).filter(Boolean)),
    uptimeSeconds: Math.min(...processes.map((process) => process.uptimeSeconds)),
    eventsWaiting: waiting(processes),
    outboxAgeSeconds: outboxes.length === 0 ? undefined : Math.max(...outboxes),
    deadLetters: processes.reduce((sum, process) => sum + process.deadLetters, 0),
  };
}

// Every process reports what waits in a shared stream for all of them.
function waiting(processes: ProcessStatus[]): number {
  const byStream = new Map<string, number>();
  for (const stream of processes.flatMap((process) => process.streams)) {
    const key = `${stream.stream} ${stream.consumer}`;
    byStream.set(key, Math.max(byStream.get(key) ?? 0, stream.waiting));
  }
  return [...byStream.values()].reduce((sum, count) => sum + count, 0);
}

/** Returns each provider once. Processes share its limit and count their own requests. */
export function providersOf(services: ServiceStatus[]): ProviderStatus[] {
  const found = new Map<string, ProviderStatus>();
  for (const provider of processesOf(services).flatMap((process) => process.providers)) {
    const known = found.get(provider.id);
    found.set(
      provider.id,
      known ? { ...known, inUse: known.inUse + provider.inUse, waiting: known.waiting + provider.waiting } : provider,
    );
  }
  return [...found.values()];
}

/** Returns the unfinished trials by provider. Each process reports those of the whole mesh. */
export function trialsOf(services: ServiceStatus[]): TrialsAtProvider[] {
  const found = new Map(
    processesOf(services).flatMap((process) => process.trials.map((each) => [each.provider, each])),
  );
  return [...found.values()];
}

function processesOf(services: ServiceStatus[]): ProcessStatus[] {
  return services.flatMap((service) => service.processes);
}

function distinct(texts: string[]): string[] {
  return [...new Set(texts)];
}
