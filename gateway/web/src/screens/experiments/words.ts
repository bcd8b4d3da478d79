// The words of a text beside those that were heard, one after the other, with what happened to each.

import { type WordErrors, WordErrors_Operation } from "../../../gen/voicearena/scoring/v1/evaluation_metrics_pb.js";

export interface AlignedWord {
  kind: "equal" | "substitute" | "delete" | "insert";
  /** Empty if it was inserted. */
  reference: string;
  /** Empty if nothing was heard in its place. */
  heard: string;
}

/** Returns the columns of the alignment. In a replaced run, words without a partner are missing or additional. */
export function alignedWords(errors: WordErrors): AlignedWord[] {
  return errors.alignment.flatMap((span) =>
    Array.from({ length: Math.max(span.reference.length, span.transcript.length) }, (_, index): AlignedWord => {
      const reference = span.reference[index] ?? "";
      const heard = span.transcript[index] ?? "";
      if (reference === "" || heard === "") {
        return { kind: reference === "" ? "insert" : "delete", reference, heard };
      }
      return { kind: span.operation === WordErrors_Operation.equal ? "equal" : "substitute", reference, heard };
    }),
  );
}
