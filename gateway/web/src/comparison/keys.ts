// Single keys that play and vote. They can be switched off, because people who speak to their computer, or whose hand
// slips, would vote without wanting it (WCAG 2.1.4).

import { signal } from "@preact/signals";
import { readStored, store } from "../app/stored.ts";
import { SIDES, type Side } from "../audio/pair.ts";
import { ANSWERS, type Answer } from "./answers.ts";

const NAME = "comparison_keys";

export const PLAY_KEYS: Readonly<Record<Side, string>> = { a: "1", b: "2" };
export const ANSWER_KEYS: Readonly<Record<Answer, string>> = { a: "A", b: "B", tie: "T", both_bad: "N" };

export const keysOn = signal(readStored("browser", NAME) !== "off");

export function setKeysOn(on: boolean): void {
  keysOn.value = on;
  store("browser", NAME, on ? undefined : "off");
}

export type KeyAction = { readonly play: Side } | { readonly answer: Answer };

/** What of a key press decides whether it is one of ours. */
export interface Press {
  readonly key: string;
  readonly repeat: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly isInField: boolean;
}

/** Returns what a key press does, undefined if nothing: with a modifier, while held down, or inside a field. */
export function actionOfKey(press: Press): KeyAction | undefined {
  if (press.repeat || press.ctrlKey || press.altKey || press.metaKey || press.shiftKey || press.isInField) {
    return undefined;
  }
  for (const side of SIDES) {
    if (press.key === PLAY_KEYS[side]) {
      return { play: side };
    }
  }
  for (const answer of ANSWERS) {
    if (press.key.toUpperCase() === ANSWER_KEYS[answer]) {
      return { answer };
    }
  }
  return undefined;
}

/** Says whether a key that is pressed on an element belongs to it: fields for text, lists, and open dialogs. */
export function isField(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest("textarea, select, dialog, [contenteditable], input:not([type=range], [type=checkbox])") !== null
  );
}
