import type { Experiment } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { Experiment_Status } from "../../../gen/voicearena/experiments/v1/experiment_pb.js";
import { ExperimentService } from "../../../gen/voicearena/experiments/v1/experiment_service_pb.js";
import { useUrlState } from "../../app/url_state.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { When } from "../../format/Measured.tsx";
import { count } from "../../format/number.ts";
import { Button } from "../../parts/Button.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { List as Rows } from "../../parts/List.tsx";
import { Page } from "../../parts/Page.tsx";
import { Select } from "../../parts/Select.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { call } from "../../rpc/client.ts";
import { usePages } from "../../rpc/pages.ts";
import { en } from "../../strings/en.ts";
import { experiments as text } from "../../strings/experiments.ts";
import { voiceName } from "../../words/voice.ts";
import { judgesName, scenarioName, statusName } from "./names.ts";
import { StatusMark } from "./StatusMark.tsx";

const DEFAULTS = { status: "", scenario: "" };
const PAGE_SIZE = 50;
const COMMAND =
  "arena experiment create --name First --model espeak:en-us --model espeak:en-gb --prompt 'Hello, how can I help you?' --watch";

const STATUSES = ["created", "running", "completed", "failed", "cancelled"] as const;

const columns: Column<Experiment>[] = [
  {
    id: "name",
    heading: text.list.name,
    cell: (experiment) => (
      <a href={`/experiments/${experiment.id}`}>
        <bdi>{experiment.name}</bdi>
      </a>
    ),
  },
  { id: "status", heading: text.list.status, cell: (experiment) => <StatusMark status={experiment.status} /> },
  {
    id: "models",
    heading: text.list.models,
    cell: (experiment) => experiment.models.map(voiceName).join(", "),
  },
  { id: "judges", heading: text.list.judges, cell: (experiment) => judgesName(experiment.evalMode) },
  { id: "scenario", heading: text.list.scenario, cell: (experiment) => scenarioName(experiment.scenario) },
  {
    id: "progress",
    heading: text.list.progress,
    numeric: true,
    cell: (experiment) =>
      `${count(experiment.completedTrials + experiment.failedTrials)}/${count(experiment.totalTrials)}`,
  },
  {
    id: "created",
    heading: text.list.created,
    numeric: true,
    cell: (experiment) => <When at={experiment.createdAt} />,
  },
];

/** The experiments of the developer. */
export function List() {
  const [state, change] = useUrlState(DEFAULTS);
  const status = Experiment_Status[state.status as keyof typeof Experiment_Status] ?? 0;
  const pages = usePages(
    async (pageToken, signal) => {
      const request = { status, scenario: state.scenario, pageSize: PAGE_SIZE, pageToken };
      const page = await call(ExperimentService.method.listExperiments, request, { signal });
      return { rows: page.experiments, nextPageToken: page.nextPageToken };
    },
    [state.status, state.scenario],
  );
  const isFiltered = state.status !== "" || state.scenario !== "";
  return (
    <Page
      title={en.titles.experiments}
      lead={text.lead}
      actions={
        <a class="button button-main" href="/experiments?new=1">
          {text.create}
        </a>
      }
    >
      <div class="experiment-filters">
        <Select
          label={text.list.status}
          value={state.status}
          onChange={(value) => change({ status: value })}
          choices={[
            { value: "", label: text.all },
            ...STATUSES.map((name) => ({ value: name, label: statusName(Experiment_Status[name]) })),
          ]}
        />
        <Select
          label={text.list.scenario}
          value={state.scenario}
          onChange={(value) => change({ scenario: value })}
          choices={[
            { value: "", label: text.all },
            ...Object.entries(text.scenarios).map(([value, label]) => ({ value, label })),
          ]}
        />
        <CopyAs
          method={ExperimentService.method.listExperiments}
          request={{ status, scenario: state.scenario, pageSize: PAGE_SIZE }}
          cli={[
            "experiment",
            "list",
            ...(state.status ? ["--status", state.status] : []),
            ...(state.scenario ? ["--scenario", state.scenario] : []),
          ]}
        />
      </div>
      <Rows
        pages={pages}
        empty={
          isFiltered ? (
            <Empty
              title={text.list.emptyFiltered}
              action={<Button onClick={() => change(DEFAULTS)}>{text.list.cleared}</Button>}
            />
          ) : (
            <Empty title={text.list.empty} text={text.list.emptyText} command={COMMAND} />
          )
        }
      >
        {(rows) => <Table caption={text.list.caption} columns={columns} rows={rows} rowKey={(row) => row.id} />}
      </Rows>
    </Page>
  );
}
