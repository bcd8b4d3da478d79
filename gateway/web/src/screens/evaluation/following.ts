// What a message of the stream changes in an evaluation.

import { create } from "@bufbuild/protobuf";
import {
  WatchEvaluationResponse_Kind as Kind,
  type WatchEvaluationResponse,
} from "../../../gen/voicearena/scoring/v1/evaluation_service_pb.js";
import {
  type Evaluation,
  EvaluationSchema,
  Evaluation_Status as Status,
} from "../../../gen/voicearena/scoring/v1/scoring_pb.js";

/** Whether the evaluation has ended, well or not. */
export function isOver({ status }: Evaluation): boolean {
  return status === Status.completed || status === Status.failed || status === Status.cancelled;
}

/** Returns the evaluation after a message, undefined if the message changes nothing. */
export function follow(evaluation: Evaluation, message: WatchEvaluationResponse): Evaluation | undefined {
  if (message.kind === Kind.state || message.kind === Kind.end) {
    return message.evaluation;
  }
  const { step } = message;
  if (message.kind !== Kind.progress || !step) {
    return undefined;
  }
  const steps = evaluation.steps.map((one) =>
    one.name === step.name && one.condition === step.condition ? step : one,
  );
  return create(EvaluationSchema, { ...evaluation, steps });
}
