import { expect, it } from "vitest";
import { Battle_Winner } from "../../gen/voicearena/elo/v1/battle_pb.js";
import { CastListeningVoteRequest_Answer } from "../../gen/voicearena/experiments/v1/listening_service_pb.js";
import { ANSWER_NUMBERS, ANSWERS } from "./answers.ts";

it("each answer has the number that both services give it", () => {
  for (const answer of ANSWERS) {
    expect(ANSWER_NUMBERS[answer]).toBe(Battle_Winner[answer]);
    expect(ANSWER_NUMBERS[answer]).toBe(CastListeningVoteRequest_Answer[answer]);
  }
});
