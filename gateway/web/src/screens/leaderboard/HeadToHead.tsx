import type { Leaderboard } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { LeaderboardService } from "../../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import { Heat, type HeatCell } from "../../charts/Heat.tsx";
import { count, percent } from "../../format/number.ts";
import { Loaded } from "../../parts/Loaded.tsx";
import { Loading } from "../../parts/Loading.tsx";
import { Select } from "../../parts/Select.tsx";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { leaderboard as text } from "../../strings/leaderboard.ts";
import { namesOf, type Selection } from "./board.ts";
import { cellsByPair, type PairCell } from "./pairs.ts";

// A table of 20 by 20 fits a desktop, and 500 by 500 would be a quarter of a million cells.
const MAX_SIDE = 20;

interface HeadToHeadProps {
  board: Leaderboard;
  selection: Selection;
  /** The place of the first model that is shown, counted from 0. */
  from: number;
  onFrom: (from: number) => void;
}

export function HeadToHead({ board, selection, from, onFrom }: HeadToHeadProps) {
  const query = useQuery(
    (signal) => call(LeaderboardService.method.getHeadToHead, selection, { signal }),
    [selection.board, selection.category, selection.language, selection.private, board.computedAt?.seconds],
    { keep: true },
  );
  const names = namesOf(board);
  const pages = Math.ceil(board.rows.length / MAX_SIDE);
  const start = from >= 0 && from < board.rows.length ? Math.floor(from / MAX_SIDE) * MAX_SIDE : 0;
  const shown = board.rows.slice(start, start + MAX_SIDE);
  return (
    <Loaded query={query} loading={<Loading heightPx={480} />}>
      {(found) => {
        const cells = cellsByPair(found.cells);
        const cell = (row: number, column: number): HeatCell | null => {
          const [one, other] = [shown[row], shown[column]];
          if (!one || !other || row === column) {
            return null;
          }
          return heatCell(cells.get(`${one.modelId} ${other.modelId}`), one.name, other.name);
        };
        return (
          <>
            {found.components.length > 1 && (
              <div class="board-warning" role="note">
                <p>{found.warning}</p>
                <ol>
                  {found.components.map((component) => (
                    <li key={component.modelIds[0]}>
                      {component.modelIds.map((id) => names.get(id) ?? id).join(", ")}
                    </li>
                  ))}
                </ol>
              </div>
            )}
            {pages > 1 && (
              <Select
                label={text.heat.shown}
                value={String(start)}
                choices={Array.from({ length: pages }, (_, page) => ({
                  value: String(page * MAX_SIDE),
                  label: text.heat.range(
                    count(page * MAX_SIDE + 1),
                    count(Math.min(board.rows.length, (page + 1) * MAX_SIDE)),
                  ),
                }))}
                onChange={(value) => onFrom(Number(value))}
              />
            )}
            <Heat
              title={text.heat.title}
              description={text.heat.about}
              corner={text.heat.corner}
              rows={shown.map((row) => row.name)}
              columns={shown.map((row) => row.name)}
              cell={cell}
              write={(value) => percent(value)}
              domain={[0, 1]}
              ends={text.heat.ends}
            />
          </>
        );
      }}
    </Loaded>
  );
}

function heatCell(found: PairCell | undefined, row: string, column: string): HeatCell {
  if (!found) {
    return { value: null, n: 0 };
  }
  const votes = text.votes(count(found.wins), count(found.losses), count(found.ties), count(found.bothBad));
  const about = text.heat.cell(row, column, found.sure ? `${votes}, ${text.heat.sure}` : votes);
  return { value: found.share, n: found.n, sure: found.sure, about };
}
