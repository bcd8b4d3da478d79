import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  WordErrors_Operation as Operation,
  WordAlignmentSchema,
  WordErrorsSchema,
} from "../../gen/voicearena/scoring/v1/evaluation_metrics_pb.js";
import { alignedWords, heardWords, wordAt } from "./aligned.ts";

const alignment = create(WordAlignmentSchema, {
  words: [
    { text: "Pay,", startSeconds: 0.5, endSeconds: 0.9 },
    { text: "forty-eight", startSeconds: 1.0, endSeconds: 1.6 },
    { text: "now", startSeconds: 1.7, endSeconds: 2.0 },
    { text: "now!", startSeconds: 2.1, endSeconds: 2.5 },
  ],
});

const errors = create(WordErrorsSchema, {
  alignment: [
    { operation: Operation.equal, reference: ["pay"], transcript: ["pay"] },
    { operation: Operation.substitute, reference: ["4815", "dollars"], transcript: ["48"] },
    { operation: Operation.equal, reference: ["now"], transcript: ["now"] },
    { operation: Operation.insert, reference: [], transcript: ["now"] },
  ],
});

describe("alignedWords", () => {
  it("pairs words, and takes those of a changed run without a partner as deleted", () => {
    const words = alignedWords(errors, undefined);
    expect(words.map((word) => [word.operation, word.reference, word.heard])).toEqual([
      ["equal", "pay", "pay"],
      ["substitute", "4815", "48"],
      ["delete", "dollars", ""],
      ["equal", "now", "now"],
      ["insert", "", "now"],
    ]);
  });

  it("finds times in order, also after a word that is written in another way", () => {
    const starts = alignedWords(errors, alignment).map((word) => word.time?.start);
    expect(starts).toEqual([0.5, undefined, undefined, 1.7, 2.1]);
  });
});

describe("wordAt", () => {
  it("names the word that is said, and none in a pause", () => {
    const words = heardWords(alignment);
    expect([wordAt(words, 0.6), wordAt(words, 0.95), wordAt(words, 2.4), wordAt(words, 9)]).toEqual([0, -1, 3, -1]);
  });
});
