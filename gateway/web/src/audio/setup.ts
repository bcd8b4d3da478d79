// What a listener checked before listening. It stays in this browser: it bars nobody, and no vote depends on it.

import { signal } from "@preact/signals";
import { readStored, store } from "../app/stored.ts";

const NAME = "listening_setup";
/** Of six trials. Milne et al. let people pass who found all; one slip is allowed here, because nothing depends on it. */
const MIN_CORRECT = 5;

export interface Setup {
  /** The volume that was set by the noise, and when. */
  readonly level?: { readonly volume: number; readonly at: string };
  /** How many trials of the headphone check were right, and when. */
  readonly headphones?: { readonly correct: number; readonly at: string };
}

/** Returns a stored setup. Empty if what is stored is none. */
export function parseSetup(text: string | undefined): Setup {
  try {
    const stored: unknown = JSON.parse(text ?? "{}");
    return typeof stored === "object" && stored !== null ? stored : {};
  } catch {
    return {};
  }
}

export const setup = signal(parseSetup(readStored("browser", NAME)));

/** Stores the result of a check. The other one stays. */
export function storeSetup(result: Setup): void {
  setup.value = { ...setup.peek(), ...result };
  store("browser", NAME, JSON.stringify(setup.peek()));
}

/** Says whether the headphone check found headphones. Undefined before the check. */
export function hasHeadphones({ headphones }: Setup): boolean | undefined {
  return headphones && headphones.correct >= MIN_CORRECT;
}
