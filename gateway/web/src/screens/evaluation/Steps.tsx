import {
  type StepState,
  StepState_Status as StepStatus,
} from "../../../gen/voicearena/scoring/v1/evaluation_metrics_pb.js";
import { type Evaluation, Evaluation_Status as Status } from "../../../gen/voicearena/scoring/v1/scoring_pb.js";
import { seconds } from "../../format/duration.ts";
import { Measured } from "../../format/Measured.tsx";
import { count } from "../../format/number.ts";
import { Section } from "../../parts/Page.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { evaluationStrings as text } from "../../strings/evaluation.ts";
import { missingSteps } from "./figures.ts";

const ENDED = [StepStatus.completed, StepStatus.skipped, StepStatus.failed];
const INCOMPLETE = [StepStatus.skipped, StepStatus.failed];

/** How far an evaluation is. It is read aloud when a step ends. */
export function Progress({ evaluation }: { evaluation: Evaluation }) {
  const { steps } = evaluation;
  const done = steps.filter((step) => ENDED.includes(step.status)).length;
  const now = steps.filter((step) => step.status === StepStatus.started).map(nameOf);
  return (
    <div class="evaluation-progress" role="status">
      <progress max={Math.max(steps.length, 1)} value={done} aria-label={text.steps} />
      <p>
        {evaluation.status === Status.pending && steps.every((step) => step.status === StepStatus.pending)
          ? text.statuses.pending
          : text.progress(count(done), count(steps.length))}{" "}
        {now.length > 0 && text.now(now.join(", "))}
      </p>
    </div>
  );
}

/** All steps as they are. */
export function StepTable({ evaluation }: { evaluation: Evaluation }) {
  const columns: Column<StepState>[] = [
    { id: "step", heading: text.stepColumns.step, names: true, cell: (step) => <code>{nameOf(step)}</code> },
    {
      id: "status",
      heading: text.stepColumns.status,
      cell: (step) => (
        <span class={`step-${StepStatus[step.status]}`}>{text.stepStatuses[StepStatus[step.status] ?? ""]}</span>
      ),
    },
    {
      id: "took",
      heading: text.stepColumns.took,
      numeric: true,
      cell: (step) => <Measured text={seconds(step.seconds)} />,
    },
    { id: "reason", heading: text.stepColumns.reason, cell: (step) => step.reason },
  ];
  return <Table caption={text.stepsCaption} columns={columns} rows={evaluation.steps} rowKey={nameOf} />;
}

/** The steps that did not complete, by their reason. */
export function Missing({ evaluation }: { evaluation: Evaluation }) {
  const missing = [...missingSteps(evaluation, INCOMPLETE)];
  if (missing.length === 0) {
    return null;
  }
  return (
    <Section title={text.missing}>
      <ul class="evaluation-missing">
        {missing.map(([reason, names]) => (
          <li key={reason}>
            <span class="evaluation-missing-steps">
              {names.map((name) => (
                <code key={name}>{name}</code>
              ))}
            </span>{" "}
            {reason}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function nameOf(step: StepState): string {
  return step.condition ? `${step.name} (${step.condition})` : step.name;
}
