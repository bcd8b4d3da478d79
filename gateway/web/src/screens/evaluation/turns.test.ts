import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { DiarizationSchema } from "../../../gen/voicearena/scoring/v1/evaluation_metrics_pb.js";
import { lanesOf, turnsOf } from "./turns.ts";

const diarization = create(DiarizationSchema, {
  turns: [
    { speaker: "b", startSeconds: 0, endSeconds: 2 },
    { speaker: "a", startSeconds: 2.5, endSeconds: 6 },
    { speaker: "b", startSeconds: 5, endSeconds: 5.5 },
    { speaker: "a", startSeconds: 7, endSeconds: 8 },
    { speaker: "b", startSeconds: 8, endSeconds: 9 },
  ],
  interruptions: [{ by: "b", over: "a", atSeconds: 5 }],
  talkShares: { a: 0.6, b: 0.4 },
});

it("a gap is the silence since another speaker ended, and not within one's own speech", () => {
  const turns = turnsOf(diarization);
  expect(turns.map((turn) => turn.gap)).toEqual([undefined, 0.5, undefined, undefined, 0]);
  expect(turns.map((turn) => turn.interrupts)).toEqual([false, false, true, false, false]);
});

it("each speaker has a lane", () => {
  const lanes = lanesOf(diarization, turnsOf(diarization));
  expect(lanes.map((lane) => [lane.speaker, lane.share, lane.turns.length])).toEqual([
    ["a", 0.6, 2],
    ["b", 0.4, 3],
  ]);
});
