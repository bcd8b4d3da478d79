import { useMemo } from "preact/hooks";
import type { Leaderboard as Board } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { LeaderboardService } from "../../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import { apiKey } from "../../app/keys.ts";
import { useUrlState } from "../../app/url_state.ts";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { Button } from "../../parts/Button.tsx";
import { download } from "../../parts/download.ts";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { NeedsKey } from "../../parts/NeedsKey.tsx";
import { Page } from "../../parts/Page.tsx";
import { Select } from "../../parts/Select.tsx";
import { Share } from "../../parts/Share.tsx";
import { Tabs } from "../../parts/Tabs.tsx";
import { call, stream } from "../../rpc/client.ts";
import { type LivePhase, useLive } from "../../rpc/live.ts";
import { useQuery } from "../../rpc/query.ts";
import { categoryName, choicesOf, languageName, loadBoardChoices } from "../../scenario_choice/choices.ts";
import { en } from "../../strings/en.ts";
import { leaderboard as text } from "../../strings/leaderboard.ts";
import { BoardTable } from "./BoardTable.tsx";
import {
  boardCommand,
  boardCsv,
  boardName,
  boardQuery,
  DEFAULTS,
  type Selection,
  type State,
  selectionKey,
  selectionOf,
  sortClicked,
  sortOf,
} from "./board.ts";
import { Facts, Freshness } from "./Facts.tsx";
import { HeadToHead } from "./HeadToHead.tsx";
import { History } from "./History.tsx";
import "./leaderboard.css";

type Change = (change: Partial<State>, how?: "push" | "replace") => void;

export default function Leaderboard() {
  const [state, change] = useUrlState(DEFAULTS);
  const selection = useMemo(() => selectionOf(state), [state]);
  const needsKey = selection.private && !apiKey.value;
  return (
    <Page title={en.titles.leaderboard} lead={text.lead}>
      <Filters state={state} change={change} />
      {needsKey ? <NeedsKey /> : <LiveBoard state={state} selection={selection} change={change} />}
    </Page>
  );
}

function Filters({ state, change }: { state: State; change: Change }) {
  const known = useQuery(loadBoardChoices, []);
  const boards = Object.entries(text.boards).map(([value, label]) => ({ value, label }));
  return (
    <div class="board-filters">
      <Select label={text.board} value={boardName(state)} choices={boards} onChange={(board) => change({ board })} />
      <Select
        label={text.category}
        value={state.category}
        choices={choicesOf(text.allCategories, known.value?.categories ?? [], state.category, categoryName)}
        onChange={(category) => change({ category })}
      />
      <Select
        label={text.language}
        value={state.language}
        choices={choicesOf(text.allLanguages, known.value?.languages ?? [], state.language, languageName)}
        onChange={(language) => change({ language })}
      />
      {(apiKey.value || state.scope === "own") && (
        <Select
          label={text.scope}
          value={state.scope}
          choices={Object.entries(text.scopes).map(([value, label]) => ({ value, label }))}
          onChange={(scope) => change({ scope })}
        />
      )}
    </div>
  );
}

function LiveBoard({ state, selection, change }: { state: State; selection: Selection; change: Change }) {
  const key = selectionKey(selection);
  const query = useQuery(
    (signal) => call(LeaderboardService.method.getLeaderboard, selection, { signal }),
    [selection],
  );
  const live = useLive<{ key: string; board: Board | undefined }>(
    {
      open: async function* (signal) {
        for await (const { leaderboard } of stream(LeaderboardService.method.watchLeaderboard, selection, { signal })) {
          yield { key, board: leaderboard };
        }
      },
      poll: async (signal) => ({
        key,
        board: await call(LeaderboardService.method.getLeaderboard, selection, { signal }),
      }),
      // A message can come after another board was chosen.
      onMessage: (message) => message.board && message.key === key && query.set(message.board),
    },
    [key],
  );
  return (
    <Loaded query={query} loading={<Loading lines={16} />}>
      {(board) => <BoardView board={board} phase={live.phase} {...{ state, selection, change }} />}
    </Loaded>
  );
}

interface BoardViewProps {
  board: Board;
  phase: LivePhase;
  state: State;
  selection: Selection;
  change: Change;
}

function BoardView({ board, phase, state, selection, change }: BoardViewProps) {
  if (board.rows.length === 0) {
    return <NoVotes state={state} change={change} />;
  }
  const scope = [categoryName(state.category).toLowerCase(), state.language && languageName(state.language)]
    .filter(Boolean)
    .join(", ");
  const caption = text.caption(boardLabel(state), scope || text.allScenarios);
  const tab = Object.hasOwn(text.tabs, state.tab) ? state.tab : "ranking";
  const sort = sortOf(state);
  return (
    <>
      <div class="board-head">
        <Freshness board={board} phase={phase} />
        <div class="actions">
          <CopyTab tab={tab} state={state} selection={selection} />
          <Button onClick={() => download(csvName(state), "text/csv", boardCsv(board.rows))}>{text.csv}</Button>
          {!selection.private && <Share about={caption} card={`/api/v1/leaderboard/card?${boardQuery(state)}`} />}
        </div>
      </div>
      <Tabs
        label={text.tabsLabel}
        tabs={Object.entries(text.tabs).map(([value, label]) => ({ value, label }))}
        value={tab}
        onChange={(value) => change({ tab: value }, "push")}
      >
        {tab === "ranking" && (
          <BoardTable
            caption={caption}
            rows={board.rows}
            sort={sort}
            onSort={(clicked) => change(sortClicked(sort, clicked))}
          />
        )}
        {tab === "head-to-head" && (
          <HeadToHead
            board={board}
            selection={selection}
            from={Number(state.from)}
            onFrom={(from) => change({ from: String(from) })}
          />
        )}
        {tab === "history" && (
          <History
            board={board}
            selection={selection}
            models={state.models}
            onModels={(models) => change({ models })}
          />
        )}
      </Tabs>
      <Facts board={board} />
      {!selection.private && (
        <p>
          <a href={`/api/v1/leaderboard/export?${boardQuery(state)}`} download={`votes-${state.board}.jsonl`}>
            {text.votesExport}
          </a>
        </p>
      )}
    </>
  );
}

/** Copies the call of the tab that is shown. */
function CopyTab({ tab, state, selection }: { tab: string; state: State; selection: Selection }) {
  const needs = selection.private ? "key" : undefined;
  if (tab === "head-to-head") {
    const cli = boardCommand(state, "head-to-head");
    return <CopyAs method={LeaderboardService.method.getHeadToHead} request={selection} needs={needs} cli={cli} />;
  }
  if (tab === "history") {
    const { language: _, ...request } = selection;
    const cli = boardCommand(state, "history");
    return <CopyAs method={LeaderboardService.method.listSnapshots} request={request} needs={needs} cli={cli} />;
  }
  const cli = boardCommand(state);
  return <CopyAs method={LeaderboardService.method.getLeaderboard} request={selection} needs={needs} cli={cli} />;
}

function boardLabel(state: State): string {
  return (text.boards as Record<string, string>)[boardName(state)] ?? "";
}

function csvName({ board, category, language }: State): string {
  return `${["leaderboard", board, category, language].filter(Boolean).join("-")}.csv`;
}

function NoVotes({ state, change }: { state: State; change: Change }) {
  const isPart = state.category !== "" || state.language !== "";
  return (
    <Empty
      title={isPart ? text.emptyCategory : text.empty}
      text={text.emptyText}
      command="arena battle"
      action={
        isPart ? (
          <Button onClick={() => change({ category: "", language: "" })}>{text.showAll}</Button>
        ) : (
          <a class="button button-main" href="/">
            {text.vote}
          </a>
        )
      }
    />
  );
}
