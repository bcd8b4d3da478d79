// The words of a recording beside those of its text, with the time at which each was said.

import {
  type WordAlignment,
  type WordErrors,
  WordErrors_Operation,
} from "../../gen/voicearena/scoring/v1/evaluation_metrics_pb.js";

export type Operation = "equal" | "substitute" | "delete" | "insert";

/** A word of the text and the word that was heard in its place. Either is empty if the other text has none there. */
export interface AlignedWord {
  readonly reference: string;
  readonly heard: string;
  readonly operation: Operation;
  /** When it was said. Undefined for a word that was not, and for one whose time is not known. */
  readonly time: { readonly start: number; readonly end: number } | undefined;
}

/** The sign that stands before a word with an error, so that colour alone says nothing. */
export const SIGNS: Record<Operation, string> = { equal: "", substitute: "~", delete: "-", insert: "+" };

/** So many words of the transcript may stand between two that are found. Numbers take several words when spoken. */
const MAX_SKIPPED = 6;

/** Returns the columns of the alignment. Words of the errors are normalized, those with times are as written. */
export function alignedWords(errors: WordErrors, alignment?: WordAlignment): AlignedWord[] {
  const times = timesOf(alignment);
  const found: AlignedWord[] = [];
  for (const span of errors.alignment) {
    for (let index = 0; index < Math.max(span.reference.length, span.transcript.length); index++) {
      const reference = span.reference[index] ?? "";
      const heard = span.transcript[index] ?? "";
      found.push({
        reference,
        heard,
        operation: operationOf(span.operation, reference, heard),
        time: heard ? times(heard) : undefined,
      });
    }
  }
  return found;
}

/** Returns the words of a recording without a text to compare with. */
export function heardWords(alignment: WordAlignment): AlignedWord[] {
  return alignment.words.map((word) => ({
    reference: "",
    heard: word.text,
    operation: "equal",
    time: { start: word.startSeconds, end: word.endSeconds },
  }));
}

/** Returns the index of the word that is said at a time, -1 if none is. */
export function wordAt(words: readonly AlignedWord[], seconds: number): number {
  return words.findIndex((word) => word.time && word.time.start <= seconds && seconds < word.time.end);
}

// In a changed run of different lengths, the words without a partner are deleted or inserted.
function operationOf(operation: WordErrors_Operation, reference: string, heard: string): Operation {
  if (!heard) {
    return "delete";
  }
  if (!reference) {
    return "insert";
  }
  return operation === WordErrors_Operation.equal ? "equal" : "substitute";
}

/** Returns what finds the time of the next word. Both texts have the same order. */
function timesOf(alignment: WordAlignment | undefined): (heard: string) => AlignedWord["time"] {
  const words = (alignment?.words ?? []).map((word) => ({ ...word, plain: plain(word.text) }));
  let next = 0;
  return (heard) => {
    const wanted = plain(heard);
    for (let at = next; at < Math.min(next + MAX_SKIPPED, words.length); at++) {
      const word = words[at];
      if (word && word.plain === wanted) {
        next = at + 1;
        return { start: word.startSeconds, end: word.endSeconds };
      }
    }
    return undefined;
  };
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}
