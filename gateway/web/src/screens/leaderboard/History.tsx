import type { Leaderboard } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { LineBand } from "../../charts/LineBand.tsx";
import { SERIES } from "../../charts/Point.tsx";
import { Button } from "../../parts/Button.tsx";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Select } from "../../parts/Select.tsx";
import { useQuery } from "../../rpc/query.ts";
import { leaderboard as text } from "../../strings/leaderboard.ts";
import { namesOf, type Selection } from "./board.ts";
import { loadHistory } from "./snapshots.ts";

const DEFAULT_MODELS = 4;

interface HistoryProps {
  board: Leaderboard;
  selection: Selection;
  /** The ids of the models that are drawn, with commas between. Empty for the first ones of the board. */
  models: string;
  onModels: (models: string) => void;
}

export function History({ board, selection, models, onModels }: HistoryProps) {
  const names = namesOf(board);
  const named = models.split(",").filter((id) => names.has(id));
  const chosen = (named.length > 0 ? named : board.rows.slice(0, DEFAULT_MODELS).map((row) => row.modelId)).slice(
    0,
    SERIES,
  );
  const query = useQuery(
    (signal) => Promise.all(chosen.map(async (id) => ({ id, days: await loadHistory(id, selection, signal) }))),
    [chosen.join(), selection.board, selection.category, selection.private, board.computedAt?.seconds],
    { keep: true },
  );
  const others = board.rows.filter((row) => !chosen.includes(row.modelId));
  return (
    <>
      {selection.language && <p>{text.history.allLanguages}</p>}
      <div class="board-chosen">
        <ul>
          {chosen.map((id) => (
            <li key={id}>
              <bdi>{names.get(id)}</bdi>
              {chosen.length > 1 && (
                <Button
                  kind="quiet"
                  aria-label={text.history.remove(names.get(id) ?? id)}
                  onClick={() => onModels(chosen.filter((other) => other !== id).join())}
                >
                  ×
                </Button>
              )}
            </li>
          ))}
        </ul>
        <Select
          label={text.history.add}
          value=""
          disabled={chosen.length >= SERIES}
          hint={chosen.length >= SERIES ? text.history.full : undefined}
          choices={[
            { value: "", label: text.history.choose },
            ...others.map((row) => ({ value: row.modelId, label: row.name })),
          ]}
          onChange={(id) => id && onModels([...chosen, id].join())}
        />
      </div>
      <Loaded query={query} loading={<Loading heightPx={400} />}>
        {(histories) =>
          histories.every(({ days }) => days.length === 0) ? (
            <Empty title={text.history.none} text={text.history.noneText} command="arena battle" />
          ) : (
            <LineBand
              title={text.history.title}
              description={text.history.about(histories.map(({ id }) => names.get(id)).join(", "))}
              series={histories.map(({ id, days }) => ({ name: names.get(id) ?? id, days }))}
              height={340}
            />
          )
        }
      </Loaded>
    </>
  );
}
