import type { Side } from "../audio/pair.ts";

/** Returns which clips must still be heard before a vote. Undefined if none. */
export function stillToHear(heardA: boolean, heardB: boolean): Side | "both" | undefined {
  if (heardA) {
    return heardB ? undefined : "b";
  }
  return heardB ? "a" : "both";
}
