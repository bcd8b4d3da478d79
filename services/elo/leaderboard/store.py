"""All queries for published boards, their votes and their snapshots."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.elo.v1.leaderboard_pb2 import Snapshot

from services.elo.catalogue.tables import VOICE_MODELS
from services.elo.domain import ModelKind, Visibility
from services.elo.leaderboard.messages import BoardModel
from services.elo.leaderboard.resuming import ComputedVotes
from services.elo.leaderboard.vote_log import unpacked
from services.elo.reliability import RELIABILITY
from services.elo.tables import BOARD_VOTES, BOARDS, BOARDS_CHANGED, LIVE_RATINGS, RENDERS, SCENARIOS, SNAPSHOTS
from services.runtime.db import notify

_B, _M, _R, _L, _S = BOARDS.c, VOICE_MODELS.c, RENDERS.c, LIVE_RATINGS.c, SNAPSHOTS.c
_V = BOARD_VOTES.c


class BoardKey(NamedTuple):
    """Names a board. An empty owner means the public boards, an empty category or language all of them."""

    owner: str
    board: str
    category: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBoard:
    """A board as it was last computed."""

    key: BoardKey
    leaderboard: bytes
    """`voicearena.elo.v1.Leaderboard`, serialised. Its times can be older than those here."""
    head_to_head: bytes
    """`voicearena.elo.v1.GetHeadToHeadResponse`, serialised."""
    votes_seq: int
    """The number of the last vote that was known."""
    computed_at: datetime
    next_at: datetime


class BoardStore:
    """Stores boards and snapshots. Each method runs in the connection's transaction, if it has one."""

    async def models(self, connection: AsyncConnection) -> Mapping[int, BoardModel]:
        """Returns all models by their numbers."""
        # A recorded model is not asked for speech. What private scenarios show of a public model stays private.
        shown = sa.or_(_M.visibility == Visibility.PRIVATE, SCENARIOS.c.visibility == Visibility.PUBLIC)
        rendered = (
            sa.select(_R.voice_model_id, RELIABILITY.label("reliability"))
            .join(VOICE_MODELS, sa.and_(_M.id == _R.voice_model_id, _M.kind == ModelKind.TTS))
            .join(SCENARIOS, SCENARIOS.c.id == _R.scenario_id)
            .where(shown)
            .group_by(_R.voice_model_id)
            .subquery()
        )
        query = sa.select(
            _M.seq, _M.id, _M.name, _M.provider, _M.active, _M.cost_per_1000_characters, rendered.c.reliability
        ).outerjoin(rendered, rendered.c.voice_model_id == _M.id)
        return {
            seq: BoardModel(
                id=id_, name=name, provider=provider, active=active, cost_per_1000_characters=cost, reliability=share
            )
            for seq, id_, name, provider, active, cost, share in await connection.execute(query)
        }

    async def live_ratings(self, connection: AsyncConnection, owner: str) -> Mapping[int, float]:
        """Returns live Elo of the models of an owner's board, by number."""
        rows = await connection.execute(sa.select(_L.model_seq, _L.rating).where(_L.owner == owner))
        return {row.model_seq: row.rating for row in rows}

    async def replace(
        self, connection: AsyncConnection, owner: str, boards: Sequence[StoredBoard], votes: tuple[bytes, bytes]
    ) -> None:
        """Stores all boards of an owner, with the numbers of the votes that were seen and that counted. Others of the
        owner are deleted. Wakes their watchers when the transaction commits."""
        await connection.execute(sa.delete(BOARDS).where(_B.owner == owner))
        if boards:
            await connection.execute(
                sa.insert(BOARDS),
                [
                    {
                        **board.key._asdict(),
                        "leaderboard": board.leaderboard,
                        "head_to_head": board.head_to_head,
                        "votes_seq": board.votes_seq,
                        "computed_at": board.computed_at,
                        "next_at": board.next_at,
                    }
                    for board in boards
                ],
            )
            seen, counted = votes
            adding = insert(BOARD_VOTES).values(
                owner=owner, seen=seen, counted=counted, computed_at=boards[0].computed_at
            )
            changed = {name: adding.excluded[name] for name in ("seen", "counted", "computed_at")}
            await connection.execute(adding.on_conflict_do_update(index_elements=["owner"], set_=changed))
        await notify(connection, BOARDS_CHANGED, owner)

    async def confirm(self, connection: AsyncConnection, owner: str, computed_at: datetime, next_at: datetime) -> None:
        """Records that the boards of an owner would be the same now. Wakes their watchers."""
        await connection.execute(
            sa.update(BOARDS).where(_B.owner == owner).values(computed_at=computed_at, next_at=next_at)
        )
        await notify(connection, BOARDS_CHANGED, owner)

    async def keys(self, connection: AsyncConnection, owner: str) -> Collection[BoardKey]:
        """Returns the boards that an owner has."""
        query = sa.select(_B.owner, _B.board, _B.category, _B.language).where(_B.owner == owner)
        return {BoardKey(*row) for row in await connection.execute(query)}

    async def get(self, connection: AsyncConnection, key: BoardKey) -> StoredBoard | None:
        """Returns a board."""
        query = sa.select(BOARDS).where(*(BOARDS.c[name] == value for name, value in key._asdict().items()))
        row = (await connection.execute(query)).one_or_none()
        return _board(row) if row else None

    async def computed_votes(self, connection: AsyncConnection) -> Mapping[str, ComputedVotes]:
        """Returns for each owner when their boards were last computed, and from which votes."""
        times = sa.select(_B.owner, sa.func.max(_B.computed_at).label("at")).group_by(_B.owner).subquery()
        query = sa.select(_V.owner, times.c.at, _V.seen, _V.counted).join(times, times.c.owner == _V.owner)
        return {
            owner: ComputedVotes(at, unpacked(seen), unpacked(counted))
            for owner, at, seen, counted in await connection.execute(query)
        }

    async def last_final_day(self, connection: AsyncConnection, owner: str) -> date | None:
        """Returns the newest day of an owner whose snapshots were computed after its end. None if there is none."""
        ended = sa.func.timezone("UTC", _S.computed_at) >= sa.literal_column("snapshot_date + 1")
        query = sa.select(sa.func.max(_S.snapshot_date)).where(_S.owner == owner, ended)
        found: date | None = (await connection.execute(query)).scalar_one()
        return found

    async def save_snapshots(
        self,
        connection: AsyncConnection,
        owner: str,
        day: date,
        boards: Mapping[tuple[str, str], Sequence[Snapshot]],
        computed_at: datetime,
    ) -> None:
        """Replaces the snapshots of a day. `boards` are by whose votes count and by category."""
        await connection.execute(sa.delete(SNAPSHOTS).where(_S.owner == owner, _S.snapshot_date == day))
        rows = [
            {
                **{"owner": owner, "board": board, "category": category, "snapshot_date": day},
                **{"model_id": one.model_id, "snapshot": one.SerializeToString(), "computed_at": computed_at},
            }
            for (board, category), models in boards.items()
            for one in models
        ]
        if rows:
            await connection.execute(sa.insert(SNAPSHOTS), rows)

    async def snapshots(
        self,
        connection: AsyncConnection,
        owner: str,
        board: str,
        category: str,
        model_id: str,
        after: tuple[str, str] | None,
        limit: int,
    ) -> Sequence[Snapshot]:
        """Returns up to `limit` snapshots of a board, of one model or of all. Newest first, then by id of the model.

        `after` is the day and the model of the last one of the page before.
        """
        query = sa.select(_S.snapshot).where(_S.owner == owner, _S.board == board, _S.category == category)
        if model_id:
            query = query.where(_S.model_id == model_id)
        if after is not None:
            day = date.fromisoformat(after[0])
            later = sa.and_(_S.snapshot_date == day, _S.model_id > after[1])
            query = query.where(sa.or_(_S.snapshot_date < day, later))
        found = await connection.execute(query.order_by(_S.snapshot_date.desc(), _S.model_id).limit(limit))
        return [Snapshot.FromString(content) for content in found.scalars()]


def _board(row: sa.Row[Any]) -> StoredBoard:
    return StoredBoard(
        key=BoardKey(row.owner, row.board, row.category, row.language),
        leaderboard=row.leaderboard,
        head_to_head=row.head_to_head,
        votes_seq=row.votes_seq,
        computed_at=row.computed_at,
        next_at=row.next_at,
    )
