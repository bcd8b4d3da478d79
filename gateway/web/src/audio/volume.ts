// The volume of all players of the page. A level that is set once holds for every clip, and is stored.

import { signal } from "@preact/signals";
import { readStored, store } from "../app/stored.ts";

const NAME = "volume";

/** Returns a stored volume, 0 to 1. Full volume if nothing usable is stored. */
export function parseVolume(text: string | undefined): number {
  const stored = Number.parseFloat(text ?? "");
  return stored >= 0 && stored <= 1 ? stored : 1;
}

export const volume = signal(parseVolume(readStored("browser", NAME)));

export function setVolume(value: number): void {
  volume.value = value;
  store("browser", NAME, String(value));
}
