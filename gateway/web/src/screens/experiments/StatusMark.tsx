import { Experiment_Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { statusName } from "./names.ts";

/** The status of an experiment in words, with a shape that tells it apart without colours. */
export function StatusMark({ status }: { status: Experiment_Status }) {
  return <span class={`status-mark status-${Experiment_Status[status] ?? "unknown"}`}>{statusName(status)}</span>;
}
