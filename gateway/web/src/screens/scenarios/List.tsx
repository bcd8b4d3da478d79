import { Visibility } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import type { Scenario } from "../../../gen/voicearena/elo/v1/scenario_pb.js";
import { ScenarioService } from "../../../gen/voicearena/elo/v1/scenario_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { stateUrl } from "../../app/url_state.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { Measured } from "../../format/Measured.tsx";
import { count, counted, percent } from "../../format/number.ts";
import { Button } from "../../parts/Button.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { NeedsKey } from "../../parts/NeedsKey.tsx";
import { Page } from "../../parts/Page.tsx";
import { Select } from "../../parts/Select.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { useQuery } from "../../rpc/query.ts";
import { categoryName, choicesOf, languageName } from "../../scenario_choice/choices.ts";
import { ScenarioSelects } from "../../scenario_choice/ScenarioSelects.tsx";
import { en } from "../../strings/en.ts";
import { scenarioStrings as text } from "../../strings/scenarios.ts";
import {
  DEFAULTS,
  DIFFICULTY_NAMES,
  difficultyName,
  listAll,
  listCommand,
  listRequest,
  MAX_LISTED,
  type State,
  sorted,
  sortOf,
} from "./state.ts";

interface ListProps {
  state: State;
  change: (change: Partial<State>) => void;
  open: (id: string, view?: string) => void;
}

export function List({ state, change, open }: ListProps) {
  const isMine = state.whose === "mine";
  return (
    <Page
      title={en.titles.scenarios}
      lead={text.lead}
      actions={
        <>
          <CopyAs
            method={ScenarioService.method.listScenarios}
            request={listRequest(state)}
            cli={listCommand(state)}
            needs={isMine ? "key" : undefined}
          />
          <Button kind="main" onClick={() => open("", "new")}>
            {text.add}
          </Button>
        </>
      }
    >
      <Filters state={state} change={change} />
      {isMine && !apiKey.value ? (
        <NeedsKey text={text.mineNeedsKey} />
      ) : (
        <Rows state={state} change={change} open={open} />
      )}
    </Page>
  );
}

function Filters({ state, change }: Omit<ListProps, "open">) {
  return (
    <fieldset class="scenario-filters">
      <legend class="visually-hidden">{text.filters}</legend>
      <ScenarioSelects category={state.category} language={state.language} onChange={change} />
      <Select
        label={text.difficulty}
        value={state.difficulty}
        choices={choicesOf(text.all, DIFFICULTY_NAMES, state.difficulty, (name) => text.difficulties[name] ?? name)}
        onChange={(difficulty) => change({ difficulty })}
      />
      <Select
        label={text.whose}
        value={state.whose}
        choices={[
          { value: "", label: text.everybody },
          { value: "mine", label: text.mine },
        ]}
        onChange={(whose) => change({ whose })}
      />
      <Select
        label={text.archived}
        value={state.archived}
        choices={[
          { value: "", label: text.archivedChoices.no },
          { value: "yes", label: text.archivedChoices.yes },
        ]}
        onChange={(archived) => change({ archived })}
      />
    </fieldset>
  );
}

function Rows({ state, change, open }: ListProps) {
  const request = listRequest(state);
  const query = useQuery((signal) => listAll(request, signal), [request]);
  return (
    <Loaded query={query} loading={<Loading lines={24} />}>
      {({ scenarios, isComplete }) =>
        scenarios.length === 0 ? (
          <NoRows state={state} change={change} open={open} />
        ) : (
          <div aria-busy={query.loading}>
            <p class="scenario-count">
              {text.count(counted(scenarios.length, text.one, text.other))}{" "}
              {!isComplete && text.isBounded(count(MAX_LISTED))}
            </p>
            <Table
              caption={text.caption}
              columns={columnsOf(state)}
              rows={sorted(scenarios, state.sort)}
              rowKey={(scenario) => scenario.id}
              rowClass={(scenario) => (scenario.archived ? "scenario-archived" : undefined)}
              {...(sortOf(state.sort) ? { sort: sortOf(state.sort) } : {})}
              onSort={(sort) => change({ sort: `${sort.descending ? "-" : ""}${sort.by}` })}
            />
          </div>
        )
      }
    </Loaded>
  );
}

function NoRows({ state, change, open }: ListProps) {
  const isMine = state.whose === "mine";
  const isFiltered = [state.category, state.language, state.difficulty].some((value) => value !== "");
  return (
    <Empty
      title={isMine && !isFiltered ? text.noneOfMine : text.empty}
      text={isMine && !isFiltered ? text.noneOfMineText : text.emptyText}
      command={text.emptyCommand}
      action={
        <>
          <Button kind="main" onClick={() => open("", "new")}>
            {text.add}
          </Button>
          <Button onClick={() => change(DEFAULTS)}>{text.clear}</Button>
        </>
      }
    />
  );
}

function columnsOf(state: State): Column<Scenario>[] {
  const { columns } = text;
  return [
    {
      id: "name",
      heading: columns.name,
      sortable: true,
      cell: (scenario) => (
        <div class="scenario-name">
          <a href={stateUrl("/scenarios", { ...state, id: scenario.id, view: "" }, DEFAULTS)} dir="auto">
            {scenario.name}
          </a>
          <States scenario={scenario} />
          <span class="scenario-excerpt" dir="auto" lang={scenario.language}>
            {scenario.groundTruthTranscript}
          </span>
        </div>
      ),
    },
    { id: "category", heading: columns.category, cell: (scenario) => categoryName(scenario.category) },
    { id: "language", heading: columns.language, cell: (scenario) => languageName(scenario.language) },
    { id: "difficulty", heading: columns.difficulty, cell: (scenario) => difficultyLabel(scenario) },
    {
      id: "battles",
      heading: columns.battles,
      numeric: true,
      sortable: true,
      cell: (scenario) => count(scenario.totalBattles),
    },
    {
      id: "votes",
      heading: columns.votes,
      numeric: true,
      sortable: true,
      cell: (scenario) => count(scenario.totalVotes),
    },
    {
      id: "ties",
      heading: columns.ties,
      numeric: true,
      sortable: true,
      cell: (scenario) => <Measured text={percent(scenario.tieShare)} reason={text.noVotes} />,
    },
  ];
}

export function difficultyLabel(scenario: Scenario): string {
  const name = difficultyName(scenario.difficulty);
  return text.difficulties[name] ?? name;
}

/** What distinguishes a scenario from a public one in use. */
export function States({ scenario, isMine = false }: { scenario: Scenario; isMine?: boolean }) {
  const { states } = text;
  const shown = [
    isMine && states.mine,
    scenario.visibility === Visibility.private && states.private,
    scenario.awaitsApproval && states.awaits,
    scenario.archived && states.archived,
  ].filter((state) => state !== false);
  return (
    <>
      {shown.map((state) => (
        <span key={state} class="scenario-state">
          {state}
        </span>
      ))}
    </>
  );
}
