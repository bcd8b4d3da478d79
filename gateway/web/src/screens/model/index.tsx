import { useMemo } from "preact/hooks";
import { useRoute } from "preact-iso";
import type { VoiceModel } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import { Visibility } from "../../../gen/voicearena/elo/v1/elo_pb.js";
import { EloService } from "../../../gen/voicearena/elo/v1/elo_service_pb.js";
import type { Leaderboard } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { LeaderboardService } from "../../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import { useUrlState } from "../../app/url_state.ts";
import { LineBand } from "../../charts/LineBand.tsx";
import { ParallelAxes } from "../../charts/ParallelAxes.tsx";
import { CopyAs } from "../../copy/CopyAs.tsx";
import { count } from "../../format/number.ts";
import { stampMs } from "../../format/time.ts";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Page, Section } from "../../parts/Page.tsx";
import { Select } from "../../parts/Select.tsx";
import { Share } from "../../parts/Share.tsx";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { en } from "../../strings/en.ts";
import { leaderboard } from "../../strings/leaderboard.ts";
import { model as text } from "../../strings/model.ts";
import {
  DEFAULTS as BOARD_DEFAULTS,
  boardName,
  namesOf,
  rankRange,
  type Selection,
  selectionOf,
} from "../leaderboard/board.ts";
import { loadHistory } from "../leaderboard/snapshots.ts";
import { Evaluations } from "./Evaluations.tsx";
import { Opponents } from "./Opponents.tsx";
import { Boards, Facts } from "./Profile.tsx";
import { comparison, fitsExperiments, nameInExperiments, statesOf } from "./profile.ts";
import { Strengths } from "./Strengths.tsx";
import "./model.css";

const DEFAULTS = { board: BOARD_DEFAULTS.board };
// A model that was added long before the first board would push its history to the edge of the drawing.
const MAX_DAYS_BEFORE_MS = 14 * 86_400_000;

export default function Model() {
  const { id = "" } = useRoute().params;
  const query = useQuery((signal) => call(EloService.method.getVoiceModel, { id }, { signal }), [id]);
  const model = query.value;
  return (
    <Page
      title={model?.name ?? en.titles.model}
      lead={model && [model.provider, ...statesOf(model)].filter(Boolean).join(" · ")}
      actions={model && <Actions model={model} />}
    >
      <Loaded query={query} loading={<Loading lines={20} />}>
        {(found) => <Known key={found.id} model={found} />}
      </Loaded>
    </Page>
  );
}

function Actions({ model }: { model: VoiceModel }) {
  const isPrivate = model.visibility === Visibility.private;
  return (
    <>
      {fitsExperiments(model) && (
        <a class="button button-main" href={`/experiments?new&model=${encodeURIComponent(nameInExperiments(model))}`}>
          {text.addToExperiment}
        </a>
      )}
      <CopyAs
        method={EloService.method.getVoiceModel}
        request={{ id: model.id }}
        needs={isPrivate ? "key" : undefined}
        cli={["model", "show", model.id]}
      />
      {!isPrivate && <Share about={text.card(model.name)} card={`/api/v1/models/${model.id}/card`} />}
    </>
  );
}

function Known({ model }: { model: VoiceModel }) {
  const [state, change] = useUrlState(DEFAULTS);
  const isPrivate = model.visibility === Visibility.private;
  const selection = useMemo(
    () => ({ ...selectionOf({ ...BOARD_DEFAULTS, board: state.board }), private: isPrivate }),
    [state.board, isPrivate],
  );
  const query = useQuery(
    (signal) => call(LeaderboardService.method.getLeaderboard, selection, { signal }),
    [selection],
  );
  return (
    <>
      <div class="model-top">
        <Facts model={model} />
        <Boards model={model} />
      </div>
      <Select
        label={text.board}
        value={boardName(state)}
        choices={Object.entries(leaderboard.boards).map(([value, label]) => ({ value, label }))}
        onChange={(board) => change({ board })}
      />
      <Loaded query={query} loading={<Loading heightPx={640} />}>
        {(board) => <OnBoard model={model} board={board} selection={selection} />}
      </Loaded>
    </>
  );
}

interface OnBoardProps {
  model: VoiceModel;
  board: Leaderboard;
  selection: Selection;
}

function OnBoard({ model, board, selection }: OnBoardProps) {
  const { id, name } = model;
  const row = board.rows.find((each) => each.modelId === id);
  const compared = comparison(board.rows, id);
  return (
    <>
      {row && <p class="model-note">{text.ranks(rankRange(row), count(board.rows.length))}</p>}
      <Section title={text.against.title(name)}>
        {compared ? (
          <ParallelAxes title={text.against.title(name)} hideTitle description={text.against.about} {...compared} />
        ) : (
          <Empty title={text.against.none} text={text.battle} command={text.battleCommand(id)} />
        )}
      </Section>
      <Section title={text.history.title}>
        <Ratings model={model} selection={selection} computed={board.computedAt?.seconds} />
      </Section>
      <Section title={text.strengths.title}>
        <Strengths id={id} name={name} selection={selection} />
      </Section>
      <Section title={text.opponents.title}>
        <Opponents id={id} name={name} board={board} selection={selection} />
      </Section>
      <Section title={text.evaluations.title}>
        <Evaluations model={model} names={namesOf(board)} />
      </Section>
    </>
  );
}

function Ratings({
  model,
  selection,
  computed,
}: {
  model: VoiceModel;
  selection: Selection;
  computed?: bigint | undefined;
}) {
  const { id, name, createdAt } = model;
  const query = useQuery((signal) => loadHistory(id, selection, signal), [id, selection, computed], { keep: true });
  return (
    <Loaded query={query} loading={<Loading heightPx={300} />}>
      {(days) => {
        const added = createdAt && Math.floor(stampMs(createdAt) / 86_400_000) * 86_400_000;
        const isNear = added !== undefined && days[0] !== undefined && added > days[0].at - MAX_DAYS_BEFORE_MS;
        return days.length === 0 ? (
          <Empty title={text.history.none} text={text.battle} command={text.battleCommand(id)} />
        ) : (
          <LineBand
            title={text.history.title}
            hideTitle
            description={text.history.about(name)}
            series={[{ name, days }]}
            events={isNear ? [{ at: added, name: text.history.added }] : []}
          />
        );
      }}
    </Loaded>
  );
}
