// One evaluation: its steps while it runs, then the recording with its words and speakers, and every number.

import { create } from "@bufbuild/protobuf";
import { useRoute } from "preact-iso";
import {
  EvaluationService,
  WatchEvaluationResponse_Kind as Kind,
  WatchEvaluationResponseSchema,
} from "../../../gen/voicearena/scoring/v1/evaluation_service_pb.js";
import { type Evaluation, Evaluation_Status as Status } from "../../../gen/voicearena/scoring/v1/scoring_pb.js";
import { ScoringService } from "../../../gen/voicearena/scoring/v1/scoring_service_pb.js";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { canReadPrivate } from "../../demo/state.ts";
import { seconds } from "../../format/duration.ts";
import { When } from "../../format/Measured.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { NeedsKey } from "../../parts/NeedsKey.tsx";
import { Page, Section } from "../../parts/Page.tsx";
import { call, stream } from "../../rpc/client.ts";
import { useLive } from "../../rpc/live.ts";
import { type Query, useQuery } from "../../rpc/query.ts";
import { evaluationStrings as text } from "../../strings/evaluation.ts";
import { Actions, Files } from "./Actions.tsx";
import { Figures } from "./Figures.tsx";
import { follow, isOver } from "./following.ts";
import { Listening } from "./Listening.tsx";
import { Missing, Progress, StepTable } from "./Steps.tsx";
import "./evaluation.css";

export default function EvaluationScreen() {
  const { id = "" } = useRoute().params;
  if (!canReadPrivate.value) {
    return (
      <Page title={text.title}>
        <NeedsKey text={text.needsKey} />
      </Page>
    );
  }
  return <One key={id} id={id} />;
}

function One({ id }: { id: string }) {
  const query = useQuery((signal) => call(ScoringService.method.getEvaluation, { id }, { signal }), [id]);
  const found = query.value;
  return (
    <Page
      title={text.title}
      lead={found && <Lead evaluation={found} />}
      actions={
        found && (
          <>
            <Actions evaluation={found} query={query} />
            <CopyAs method={ScoringService.method.getEvaluation} request={{ id }} cli={["evaluation", "show", id]} />
          </>
        )
      }
    >
      <Loaded query={query} loading={<Loading lines={24} />}>
        {(evaluation) => (isOver(evaluation) ? <Ended evaluation={evaluation} /> : <Running query={query} />)}
      </Loaded>
    </Page>
  );
}

function Lead({ evaluation }: { evaluation: Evaluation }) {
  const { modelId, scenarioId } = evaluation;
  return (
    <span class="evaluation-lead">
      <span class={`evaluation-status evaluation-${Status[evaluation.status]}`}>
        {text.statuses[Status[evaluation.status] ?? ""]}
      </span>
      <span>{evaluation.trialId ? text.ofTrial : text.uploaded}</span>
      {evaluation.durationSeconds !== undefined && <span>{seconds(evaluation.durationSeconds)}</span>}
      <span>
        {text.language} {evaluation.language}
      </span>
      <When at={evaluation.createdAt} />
      {modelId && <a href={`/models/${modelId}`}>{text.model}</a>}
      {scenarioId && <a href={`/scenarios?id=${scenarioId}`}>{text.scenario}</a>}
      <code>{evaluation.id}</code>
    </span>
  );
}

function Running({ query }: { query: Query<Evaluation> }) {
  const evaluation = query.value as Evaluation;
  const { id } = evaluation;
  const live = useLive(
    {
      open: (signal) => stream(EvaluationService.method.watchEvaluation, { id }, { signal }),
      poll: async (signal) =>
        create(WatchEvaluationResponseSchema, {
          kind: Kind.state,
          evaluation: await call(ScoringService.method.getEvaluation, { id }, { signal }),
        }),
      onMessage: (message) => {
        const next = follow(query.value as Evaluation, message);
        if (next) {
          query.set(next);
        }
      },
      isEnd: (message) => message.evaluation !== undefined && isOver(message.evaluation),
    },
    [id],
  );
  return (
    <>
      {live.error && live.phase === "failed" && <Failure error={live.error} onRetry={query.reload} />}
      <Progress evaluation={evaluation} />
      <Section title={text.steps}>
        <StepTable evaluation={evaluation} />
      </Section>
    </>
  );
}

function Ended({ evaluation }: { evaluation: Evaluation }) {
  const metrics = useQuery(
    async (signal) => (await call(ScoringService.method.listMetrics, {}, { signal })).metrics,
    [],
  );
  const isCompleted = evaluation.status === Status.completed;
  return (
    <>
      {!isCompleted && (
        <div class="evaluation-ended" role="alert">
          <p class="evaluation-ended-title">{evaluation.status === Status.failed ? text.failed : text.cancelled}</p>
          {evaluation.errorMessage && <p dir="auto">{evaluation.errorMessage}</p>}
        </div>
      )}
      {/* What could not be decoded can't be heard either. */}
      {evaluation.durationSeconds !== undefined && <Listening evaluation={evaluation} metrics={metrics.value ?? []} />}
      {isCompleted && (
        <Section title={text.figures}>
          <Loaded query={metrics} loading={<Loading lines={20} />}>
            {(all) => <Figures evaluation={evaluation} metrics={all} />}
          </Loaded>
        </Section>
      )}
      <Missing evaluation={evaluation} />
      {/* What they measured stands above. On a phone the table is long. */}
      <details class="evaluation-details" open={!isCompleted}>
        <summary>{text.steps}</summary>
        <StepTable evaluation={evaluation} />
      </details>
      {isCompleted && <Files evaluation={evaluation} />}
    </>
  );
}
