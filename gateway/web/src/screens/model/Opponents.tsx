import type { Leaderboard } from "../../../gen/voicearena/elo/v1/leaderboard_pb.js";
import { LeaderboardService } from "../../../gen/voicearena/elo/v1/leaderboard_service_pb.js";
import { Measured } from "../../format/Measured.tsx";
import { count, percent } from "../../format/number.ts";
import { Empty } from "../../parts/Empty.tsx";
import { Loaded } from "../../parts/Loaded.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { call } from "../../rpc/client.ts";
import { useQuery } from "../../rpc/query.ts";
import { model as text } from "../../strings/model.ts";
import { namesOf, type Selection } from "../leaderboard/board.ts";
import { cellsByPair, type PairCell } from "../leaderboard/pairs.ts";

interface OpponentsProps {
  id: string;
  name: string;
  board: Leaderboard;
  selection: Selection;
}

interface Opponent extends PairCell {
  id: string;
  name: string;
  isSurelyWorse: boolean;
}

/** How a model did against each other one. */
export function Opponents({ id, name, board, selection }: OpponentsProps) {
  const query = useQuery(
    (signal) => call(LeaderboardService.method.getHeadToHead, selection, { signal }),
    [selection.board, selection.private, board.computedAt?.seconds],
    { keep: true },
  );
  return (
    <Loaded query={query}>
      {(found) => {
        const cells = cellsByPair(found.cells);
        const names = namesOf(board);
        const rows = found.cells
          .filter((cell) => cell.modelId === id)
          .flatMap((cell): Opponent[] => {
            const own = cells.get(`${id} ${cell.opponentId}`);
            const isSurelyWorse = cells.get(`${cell.opponentId} ${id}`)?.sure ?? false;
            const opponent = names.get(cell.opponentId) ?? cell.opponentId;
            return own ? [{ ...own, id: cell.opponentId, name: opponent, isSurelyWorse }] : [];
          });
        return rows.length === 0 ? (
          <Empty title={text.opponents.none} text={text.battle} command={text.battleCommand(id)} />
        ) : (
          <Table caption={text.opponents.caption(name)} columns={COLUMNS} rows={rows} rowKey={(row) => row.id} />
        );
      }}
    </Loaded>
  );
}

const { columns } = text.opponents;

const COLUMNS: Column<Opponent>[] = [
  {
    id: "opponent",
    heading: columns.opponent,
    cell: (row) => (
      <a href={`/models/${row.id}`}>
        <bdi>{row.name}</bdi>
      </a>
    ),
  },
  { id: "share", heading: columns.share, cell: (row) => <Measured text={percent(row.share)} />, numeric: true },
  { id: "n", heading: columns.n, cell: (row) => count(row.n), numeric: true },
  {
    id: "sure",
    heading: columns.sure,
    cell: (row) => (row.sure ? text.opponents.better : row.isSurelyWorse ? text.opponents.worse : ""),
  },
  {
    id: "result",
    heading: columns.result,
    cell: (row) => (
      <span class="model-result">
        {text.opponents.result(count(row.wins), count(row.losses), count(row.ties), count(row.bothBad))}
      </span>
    ),
  },
];
