import { create } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { StepState_Status as StepStatus } from "../../../gen/voicearena/scoring/v1/evaluation_metrics_pb.js";
import {
  WatchEvaluationResponse_Kind as Kind,
  WatchEvaluationResponseSchema,
} from "../../../gen/voicearena/scoring/v1/evaluation_service_pb.js";
import { EvaluationSchema, Evaluation_Status as Status } from "../../../gen/voicearena/scoring/v1/scoring_pb.js";
import { follow, isOver } from "./following.ts";

const running = create(EvaluationSchema, {
  id: "evl_1",
  status: Status.running,
  steps: [
    { name: "decode", status: StepStatus.started },
    { name: "noise", status: StepStatus.pending },
    { name: "noise", status: StepStatus.pending, condition: "telephone" },
  ],
});

const message = (values: object) => create(WatchEvaluationResponseSchema, values);

it("a step replaces the one of the same name and version", () => {
  const step = { name: "noise", status: StepStatus.completed, seconds: 0.5, condition: "telephone" };
  const next = follow(running, message({ kind: Kind.progress, step }));
  expect(next?.steps.map((one) => StepStatus[one.status])).toEqual(["started", "pending", "completed"]);
  expect(next?.id).toBe("evl_1");
});

it("a state replaces everything, and a heartbeat nothing", () => {
  const evaluation = create(EvaluationSchema, { id: "evl_1", status: Status.failed });
  const ended = follow(running, message({ kind: Kind.end, evaluation }));
  expect(ended && isOver(ended)).toBe(true);
  expect(follow(running, message({ kind: Kind.heartbeat }))).toBeUndefined();
  expect(isOver(running)).toBe(false);
});
