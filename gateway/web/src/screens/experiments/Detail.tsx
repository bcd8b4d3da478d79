import { useSignal } from "@preact/signals";
import {
  type Experiment,
  Experiment_EvalMode,
  Experiment_Status,
} from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { ExperimentService } from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { useUrlState } from "../../app/url_state.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { milliseconds } from "../../format/duration.ts";
import { When } from "../../format/Measured.tsx";
import { stampMs } from "../../format/time.ts";
import { Button } from "../../parts/Button.tsx";
import { Command } from "../../parts/Copy.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Failure } from "../../parts/Failure.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Page } from "../../parts/Page.tsx";
import { Tabs } from "../../parts/Tabs.tsx";
import { call } from "../../rpc/client.ts";
import { Code } from "../../rpc/errors.ts";
import { useQuery } from "../../rpc/query.ts";
import { en } from "../../strings/en.ts";
import { experiments } from "../../strings/experiments.ts";
import { Actions } from "./Actions.tsx";
import { Files } from "./Files.tsx";
import { Listening } from "./Listening.tsx";
import { hasEnded, judgesName, scenarioName } from "./names.ts";
import { Progress } from "./Progress.tsx";
import { Setup } from "./Setup.tsx";
import { StatusMark } from "./StatusMark.tsx";
import { webhookSecrets } from "./secrets.ts";
import { Trials } from "./Trials.tsx";
import { Verdict } from "./Verdict.tsx";
import { Webhooks } from "./Webhooks.tsx";

const text = experiments.detail;
const DEFAULTS = { tab: "verdict", voice: "", prompt: "", status: "" };
type Tab = keyof typeof text.tabs;

/** One experiment: what is happening, its verdict and everything behind it. */
export function Detail({ id }: { id: string }) {
  const [state, change] = useUrlState(DEFAULTS);
  const query = useQuery((signal) => call(ExperimentService.method.getExperiment, { id }, { signal }), [id]);
  // Counts the ends that this screen saw, so that what depends on them is read again.
  const ends = useSignal(0);
  const experiment = query.value;
  if (!experiment) {
    const { error } = query;
    return (
      <Page title={en.titles.experiments}>
        {error?.code === Code.NOT_FOUND ? (
          <Empty
            title={text.notFound}
            text={text.notFoundText}
            action={<a href="/experiments">{experiments.form.back}</a>}
          />
        ) : error ? (
          <Failure error={error} onRetry={query.reload} />
        ) : (
          <Loading lines={14} />
        )}
      </Page>
    );
  }
  const tabs = tabsOf(experiment);
  const tab = tabs.includes(state.tab as Tab) ? (state.tab as Tab) : "verdict";
  const changed = (now: Experiment) => {
    // Messages of progress have no prompts.
    query.set(now.prompts.length > 0 ? now : { ...now, prompts: experiment.prompts });
    if (hasEnded(now.status) && !hasEnded(experiment.status)) {
      ends.value += 1;
    }
  };
  return (
    <Page
      title={experiment.name}
      lead={<Facts experiment={experiment} />}
      actions={
        <>
          <CopyAs method={ExperimentService.method.getExperiment} request={{ id }} cli={["experiment", "watch", id]} />
          <Actions experiment={experiment} onChange={changed} />
        </>
      }
    >
      <Secret id={id} />
      {query.error && <Failure error={query.error} onRetry={query.reload} />}
      {experiment.errorMessage !== "" && <p class="experiment-error">{experiment.errorMessage}</p>}
      {experiment.status === Experiment_Status.running && <Progress experiment={experiment} onChange={changed} />}
      <Tabs
        label={text.tabsLabel}
        tabs={tabs.map((name) => ({ value: name, label: text.tabs[name] }))}
        value={tab}
        onChange={(value) => change({ ...DEFAULTS, tab: value }, "push")}
      >
        {tab === "verdict" && <VerdictOf experiment={experiment} ends={ends.value} />}
        {tab === "trials" && <Trials experiment={experiment} filter={state} onFilter={change} />}
        {tab === "people" && <Listening experiment={experiment} onChange={changed} />}
        {tab === "files" && <Files experiment={experiment} />}
        {tab === "webhooks" && <Webhooks experiment={experiment} />}
        {tab === "setup" && <Setup experiment={experiment} />}
      </Tabs>
    </Page>
  );
}

function tabsOf(experiment: Experiment): Tab[] {
  const all: Tab[] = ["verdict", "trials", "people", "files", "webhooks", "setup"];
  return all.filter(
    (tab) =>
      (tab !== "people" || experiment.evalMode !== Experiment_EvalMode.automated) &&
      (tab !== "webhooks" || experiment.webhookUrl !== ""),
  );
}

function Facts({ experiment }: { experiment: Experiment }) {
  const { startedAt, endedAt } = experiment;
  return (
    <span class="experiment-facts">
      <StatusMark status={experiment.status} />
      <span>{judgesName(experiment.evalMode)}</span>
      <span>{scenarioName(experiment.scenario)}</span>
      <span>
        {text.created} <When at={experiment.createdAt} />
      </span>
      {startedAt && endedAt && (
        <span>
          {text.took} {milliseconds(stampMs(endedAt) - stampMs(startedAt))}
        </span>
      )}
      {experiment.clonedFrom !== "" && (
        <span>
          {text.cloneOf} <a href={`/experiments/${experiment.clonedFrom}`}>{experiment.clonedFrom.slice(0, 12)}</a>
        </span>
      )}
    </span>
  );
}

function VerdictOf({ experiment, ends }: { experiment: Experiment; ends: number }) {
  const { status } = experiment;
  if (status === Experiment_Status.completed) {
    return <Verdict experiment={experiment} ends={ends} />;
  }
  if (status === Experiment_Status.created) {
    return (
      <Empty
        title={text.notStarted}
        text={text.notStartedText}
        command={`arena experiment run ${experiment.id} --watch`}
      />
    );
  }
  if (status === Experiment_Status.running) {
    return <p>{experiment.listening?.open ? text.waitingVotes : text.waiting}</p>;
  }
  return <p>{status === Experiment_Status.cancelled ? text.noResults : experiment.errorMessage}</p>;
}

function Secret({ id }: { id: string }) {
  const secret = webhookSecrets.of(id);
  return secret === undefined ? null : (
    <section class="experiment-secret">
      <h2>{text.secretTitle}</h2>
      <p>{text.secretText}</p>
      <Command text={secret} />
      <p class="actions">
        <Button onClick={() => webhookSecrets.forget(id)}>{text.secretDone}</Button>
      </p>
    </section>
  );
}
