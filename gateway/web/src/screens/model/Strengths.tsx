import { LeaderboardService } from "../../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import { DotInterval, type IntervalRow } from "../../charts/DotInterval.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { loadBoardChoices } from "../../scenario_choice/choices.ts";
import { model as text } from "../../strings/model.ts";
import { AVERAGE_RATING, type Selection } from "../leaderboard/board.ts";

// A call for each category. More rows than this are not compared by eye either.
const MAX_CATEGORIES = 24;

interface StrengthsProps {
  id: string;
  name: string;
  selection: Selection;
}

/** The rating on the board of each category. */
export function Strengths({ id, name, selection }: StrengthsProps) {
  const query = useQuery((signal) => loadStrengths(id, selection, signal), [id, selection.board, selection.private]);
  return (
    <Loaded query={query} loading={<Loading heightPx={200} />}>
      {(rows) =>
        rows.length === 0 ? (
          <Empty title={text.strengths.none} text={text.battle} command={text.battleCommand(id)} />
        ) : (
          <DotInterval
            title={text.strengths.title}
            hideTitle
            description={text.strengths.about(name)}
            rows={rows}
            reference={{ value: AVERAGE_RATING, name: text.boards.average }}
          />
        )
      }
    </Loaded>
  );
}

async function loadStrengths(id: string, selection: Selection, signal: AbortSignal): Promise<IntervalRow[]> {
  const { categories } = await loadBoardChoices(signal);
  const boards = await Promise.all(
    categories.slice(0, MAX_CATEGORIES).map((category) => {
      return call(LeaderboardService.method.getLeaderboard, { ...selection, category }, { signal });
    }),
  );
  return boards.flatMap((board) => {
    const row = board.rows.find((each) => each.modelId === id);
    const name = board.category.replaceAll("_", " ");
    return row
      ? [{ name, value: row.rating, low: row.ratingLow, high: row.ratingHigh, provisional: row.provisional }]
      : [];
  });
}
