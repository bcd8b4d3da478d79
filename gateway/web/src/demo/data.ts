// The demo data: responses of the API as JSON, with the requests that they answer, and recordings. They are read into
// memory while the backend answers, because a page whose gateway is gone can load nothing more.

const PATH = "/demo/calls.json";
const LOAD_TIMEOUT_MS = 60_000;

type Fields = Record<string, unknown>;
type Wanted = readonly [string, unknown];

// Fields of requests without which a response is about more than what is asked for, also if it has no such field.
const SELECTING = new Set(["category", "language"]);

export interface DemoEntry {
  /** The fields that a request must have to get these responses. */
  readonly request: Fields;
  readonly responses: readonly Fields[];
}

export interface DemoData {
  readonly captured_at: string;
  /** The recordings, by the paths of the API for which they stand. */
  readonly recordings: Readonly<Record<string, string>>;
  /** By `package.Service/Method`, those with the most fields first. */
  readonly calls: Readonly<Record<string, readonly DemoEntry[]>>;
}

let loaded: Promise<DemoData> | undefined;
let recordings: DemoData["recordings"] = {};
// Recordings that are in memory, by their address.
const inMemory = new Map<string, string>();

/** Loads the data, once. It can be loaded again after a failure. */
export function loadData(): Promise<DemoData> {
  loaded ??= load().catch((error: unknown) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function load(): Promise<DemoData> {
  const response = await fetch(PATH, { credentials: "omit", signal: AbortSignal.timeout(LOAD_TIMEOUT_MS) });
  if (!response.ok) {
    throw new Error(`${PATH} answered ${response.status}`);
  }
  const data: DemoData = await response.json();
  recordings = data.recordings;
  return data;
}

/** Reads the recordings into memory. */
export async function loadRecordings(): Promise<void> {
  await loadData();
  for (const address of Object.values(recordings)) {
    const response = await fetch(address, { credentials: "omit", signal: AbortSignal.timeout(LOAD_TIMEOUT_MS) });
    if (response.ok && !inMemory.has(address)) {
      inMemory.set(address, URL.createObjectURL(await response.blob()));
    }
  }
}

/** Returns the address from which a recording of the demo data can be played now, by its path in the API. */
function recordingUrl(path: string): string {
  const address = recordings[path] ?? path;
  return inMemory.get(address) ?? address;
}

/** Returns the messages that answer a request, with addresses of recordings that can be played. */
export function answerOf(data: DemoData, rpc: string, request: Fields): Fields[] | undefined {
  for (const { request: answered, responses } of data.calls[rpc] ?? []) {
    const isAnswered = Object.entries(answered).every(([name, value]) => request[name] === value);
    const wanted = Object.entries(request).filter(([name]) => !(name in answered));
    if (isAnswered && !responses.some((response) => isOther(response, wanted))) {
      return responses.map((response) => playable(selected(response, wanted)) as Fields);
    }
  }
  return undefined;
}

// Whether a response is about something else than what is wanted, such as a board over all categories.
function isOther(response: Fields, wanted: readonly Wanted[]): boolean {
  const parts = Object.values(response).flat().filter(isMessage);
  const whole = [response, ...Object.values(response).filter(isMessage)];
  return wanted.some(
    ([name, value]) =>
      whole.some((message) => name in message && message[name] !== value) ||
      (SELECTING.has(name) && ![...whole, ...parts].some((message) => name in message)),
  );
}

function isMessage(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// A list has only the entries that the rest of the request selects, as far as they have the field.
function selected(response: Fields, wanted: readonly Wanted[]): Fields {
  const isWanted = (item: unknown) =>
    !isMessage(item) || wanted.every(([name, value]) => !(name in item) || item[name] === value);
  return Object.fromEntries(
    Object.entries(response).map(([name, value]) => [name, Array.isArray(value) ? value.filter(isWanted) : value]),
  );
}

function playable(value: unknown): unknown {
  if (typeof value === "string") {
    return value.startsWith("/demo/") ? recordingUrl(value) : value;
  }
  if (Array.isArray(value)) {
    return value.map(playable);
  }
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, playable(field)]));
  }
  return value;
}
