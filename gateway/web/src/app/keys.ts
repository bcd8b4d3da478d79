// The API key of this page: for this tab only, or for this browser if the person says so. Never in a URL.

import { signal } from "@preact/signals";
import { onStoredElsewhere, type Place, readStored, store } from "./stored.ts";

const NAME = "api_key";

function read(): string | undefined {
  return readStored("session", NAME) ?? readStored("browser", NAME);
}

/** The API key, undefined if there is none. */
export const apiKey = signal<string | undefined>(read());

/** Whether the dialog that asks for a key is open. */
export const asksForKey = signal(false);

export function setApiKey(key: string, place: Place): void {
  store("session", NAME, place === "session" ? key : undefined);
  store("browser", NAME, place === "browser" ? key : undefined);
  apiKey.value = key;
}

export function forgetApiKey(): void {
  store("session", NAME, undefined);
  store("browser", NAME, undefined);
  apiKey.value = undefined;
}

/** Follows changes that other tabs make. */
export function followApiKey(): void {
  onStoredElsewhere(NAME, () => {
    apiKey.value = read();
  });
}
