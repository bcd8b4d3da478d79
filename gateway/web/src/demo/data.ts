// The demo data: responses of the API as JSON, with the requests that they answer, and recordings. They are read into
// memory while the backend answers, because a page whose gateway is gone can load nothing more.

const PATH = "/demo/calls.json";

type Fields = Record<string, unknown>;

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
  const response = await fetch(PATH, { credentials: "omit" });
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
    const response = await fetch(address, { credentials: "omit" });
    if (response.ok && !inMemory.has(address)) {
      inMemory.set(address, URL.createObjectURL(await response.blob()));
    }
  }
}

/** Returns the address from which a recording of the demo data can be played now, by its path in the API. */
export function recordingUrl(path: string): string {
  const address = recordings[path] ?? path;
  return inMemory.get(address) ?? address;
}

/** Returns the messages that answer a request, with addresses of recordings that can be played. */
export function answerOf(data: DemoData, rpc: string, request: Fields): Fields[] | undefined {
  const found = data.calls[rpc]?.find((entry) =>
    Object.entries(entry.request).every(([name, value]) => request[name] === value),
  );
  const wanted = Object.entries(request).filter(([name]) => !(name in (found?.request ?? {})));
  return found?.responses.map((response) => playable(selected(response, wanted)) as Fields);
}

// A list has only the entries that the rest of the request selects, as far as they have the field.
function selected(response: Fields, wanted: readonly [string, unknown][]): Fields {
  const isWanted = (item: unknown) =>
    typeof item !== "object" ||
    item === null ||
    wanted.every(([name, value]) => !(name in item) || (item as Fields)[name] === value);
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
