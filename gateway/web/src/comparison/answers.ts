// The four answers to a blind comparison. Their numbers in the API are the same for battles and for listening tests.

export type Answer = "a" | "b" | "tie" | "both_bad";

export const ANSWERS: readonly Answer[] = ["a", "b", "tie", "both_bad"];

/** The number of each answer in `Battle.Winner` and in `CastListeningVoteRequest.Answer`. */
export const ANSWER_NUMBERS: Readonly<Record<Answer, 1 | 2 | 3 | 4>> = { a: 1, b: 2, tie: 3, both_bad: 4 };
