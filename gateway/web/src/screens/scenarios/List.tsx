import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Visibility } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import type { Scenario } from "../../../gen/voicearena/elo/v1/scenario_pb.js";
import { apiKey } from "../../app/keys.ts";
import { stateUrl } from "../../app/url_state.ts";
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
import { en } from "../../strings/en.ts";
import { scenarioStrings as text } from "../../strings/scenarios.ts";
import {
  choicesOf,
  DEFAULTS,
  DIFFICULTY_NAMES,
  difficultyName,
  listAll,
  listRequest,
  MAX_LISTED,
  type State,
  sorted,
  sortOf,
} from "./state.ts";

// The API lists no categories and languages. These are those that lists have shown since the page was opened, so that a
// filter does not lose its choices when it is used.
const categories = signal<ReadonlySet<string>>(new Set());
const languages = signal<ReadonlySet<string>>(new Set());

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
        <Button kind="main" onClick={() => open("", "new")}>
          {text.add}
        </Button>
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
  const named = (values: readonly string[], label = (value: string) => value) => [
    { value: "", label: text.all },
    ...values.map((value) => ({ value, label: label(value) })),
  ];
  return (
    <fieldset class="scenario-filters">
      <legend class="visually-hidden">{text.filters}</legend>
      <Select
        label={text.category}
        value={state.category}
        choices={named(choicesOf(categories.value, state.category), (name) => name.replaceAll("_", " "))}
        onChange={(category) => change({ category })}
      />
      <Select
        label={text.language}
        value={state.language}
        choices={named(choicesOf(languages.value, state.language))}
        onChange={(language) => change({ language })}
      />
      <Select
        label={text.difficulty}
        value={state.difficulty}
        choices={named(DIFFICULTY_NAMES, (name) => text.difficulties[name] ?? name)}
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
  const query = useQuery((signal) => listAll(request, signal), [JSON.stringify(request)]);
  useEffect(() => {
    const found = query.value?.scenarios ?? [];
    categories.value = new Set([...categories.peek(), ...found.map((scenario) => scenario.category)]);
    languages.value = new Set([...languages.peek(), ...found.map((scenario) => scenario.language)]);
  }, [query.value]);
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
    { id: "category", heading: columns.category, cell: (scenario) => scenario.category.replaceAll("_", " ") },
    { id: "language", heading: columns.language, cell: (scenario) => scenario.language },
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
