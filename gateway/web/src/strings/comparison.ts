// The texts of blind comparisons, in battles and in listening tests.

import type { Answer } from "../comparison/answers.ts";

const answers: Record<Answer, string> = {
  a: "A is better",
  b: "B is better",
  tie: "Equal",
  both_bad: "Both are bad",
};

const given: Record<Answer, string> = {
  a: "You said that A is better.",
  b: "You said that B is better.",
  tie: "You said that they are equal.",
  both_bad: "You said that both are bad.",
};

export const comparison = {
  answers,
  given,
  question: "Which voice is better?",
  hearFirst: {
    both: "Hear both clips to the end, in any order. Then you can vote.",
    a: "Hear clip A to its end. Then you can vote.",
    b: "Hear clip B to its end. Then you can vote.",
  },
  canVote: "You have heard both clips. You can vote, or hear them again.",
  sending: "Sending your vote",
  clipsGone: "Load again",
  keys: "Use keys",
  keysHint: "1 and 2 play, A and B vote, T is equal, N is both bad.",
  setup: {
    title: "Check your level and headphones",
    optional: "optional",
    done: "done",
    failed: "The check could not be loaded. Open it again to retry.",
  },
  pause: (votes: number) =>
    `You have compared ${votes} pairs. Ears get tired and judge worse: take a break of ten minutes if you can. You can also go on.`,
};
