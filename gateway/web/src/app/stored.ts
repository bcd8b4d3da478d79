// Small settings in the browser. Storage can be refused (private windows, blocked cookies); a setting then lasts as long
// as the page.

export type Place = "session" | "browser";

const PREFIX = "voicearena.";
const memory = new Map<string, string>();

function storage(place: Place): Storage | undefined {
  try {
    return place === "session" ? sessionStorage : localStorage;
  } catch {
    return undefined;
  }
}

export function readStored(place: Place, name: string): string | undefined {
  try {
    return storage(place)?.getItem(PREFIX + name) ?? memory.get(`${place}.${name}`);
  } catch {
    return memory.get(`${place}.${name}`);
  }
}

/** Stores a value, or removes it if it is undefined. */
export function store(place: Place, name: string, value: string | undefined): void {
  memory.delete(`${place}.${name}`);
  try {
    if (value === undefined) {
      storage(place)?.removeItem(PREFIX + name);
      return;
    }
    const found = storage(place);
    if (found) {
      found.setItem(PREFIX + name, value);
      return;
    }
  } catch {
    // Refused or full.
  }
  if (value !== undefined) {
    memory.set(`${place}.${name}`, value);
  }
}

/** Calls back when another tab has changed a setting of the browser. Returns a function that stops it. */
export function onStoredElsewhere(name: string, changed: () => void): () => void {
  const listen = (event: StorageEvent) => {
    // A null key means that everything was removed.
    if (event.key === PREFIX + name || event.key === null) {
      changed();
    }
  };
  addEventListener("storage", listen);
  return () => removeEventListener("storage", listen);
}
