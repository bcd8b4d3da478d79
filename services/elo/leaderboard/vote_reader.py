"""Reads votes into memory. Only those that are new or changed since the last time are read."""

from __future__ import annotations

from collections import Counter

import numpy as np
import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.leaderboard.vote_log import ID_CHARACTERS, MEASURED, VOTE, Group, Rows, VoteLog
from services.elo.ratings import VoteKind
from services.elo.tables import BATTLE_VOTES
from services.runtime.db import Database

_V = BATTLE_VOTES.c
READ_TIMEOUT_MS = 120_000
"""For the first read, of all votes."""
MAX_VOTES_AT_ONCE = 200_000
"""They have 60 MB while they are read."""
MAX_RENDERS_AT_ONCE = 10_000

# The binary format of COPY: each row begins with the number of its columns, and each column with its length.
_HEADER_BYTES = 19
_TRAILER_BYTES = 2
_ON_WIRE = np.dtype(
    [
        ("columns", ">i2"),
        *(
            field
            for name in VOTE.names or ()
            for field in ((f"{name} length", ">i4"), (name, VOTE[name].newbyteorder(">")))
        ),
    ]
)
_VOTES = sql.SQL(
    """
COPY (
    SELECT v.seq, hashtextextended(v.owner || E'\\n' || v.category || E'\\n' || v.language, 0),
        (extract(epoch FROM v.cast_at) * 1000000)::int8, battles.seq, coalesce(v.voter_seq, 0)::int4,
        v.model_a_seq::int4, v.model_b_seq::int4, v.scenario_seq::int4, coalesce(render_a.seq, 0)::int4,
        coalesce(render_b.seq, 0)::int4, v.outcome,
        ((v.kind = 'human')::int + 2 * v.counted::int + 4 * v.rated::int + 8 * v.swapped::int)::int2,
        rpad(v.id, {characters})
    FROM battle_votes v JOIN battles ON battles.id = v.battle_id
        LEFT JOIN renders render_a ON render_a.id = battles.render_a_id
        LEFT JOIN renders render_b ON render_b.id = battles.render_b_id
    WHERE v.written_by >= {since}::xid8 AND v.seq > {after} ORDER BY v.seq LIMIT {limit}
) TO STDOUT (FORMAT BINARY)
"""
)
_RENDERS = sa.text(f"SELECT seq, {', '.join(MEASURED)} FROM renders WHERE seq = ANY(:seqs)")  # noqa: S608


class VoteReader:
    """Keeps a `VoteLog` up to date.

    Numbers of votes do not become visible in their order, so the last number read does not say what is missing. Each
    row has the transaction that wrote it last. All transactions below the oldest one in progress have ended, and the
    next read begins there. Some rows are then read twice, which `VoteLog.merge` notices.
    """

    def __init__(self, database: Database) -> None:
        self.log = VoteLog()
        self._database = database
        self._since = "0"

    async def refresh(self) -> dict[str, Counter[VoteKind]]:
        """Reads new and changed votes. Returns their number by owner and kind."""
        async with self._database.transaction() as connection:
            await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            await connection.execute(sa.text(f"SET LOCAL statement_timeout = {READ_TIMEOUT_MS}"))
            oldest = sa.text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
            since = (await connection.execute(oldest)).scalar_one()
            changed: dict[str, Counter[VoteKind]] = {}
            after, complete = 0, False
            while not complete:
                rows = await self._votes(connection, after)
                complete = len(rows) < MAX_VOTES_AT_ONCE
                if len(rows):
                    after = int(rows["seq"][-1])
                    await self._add_groups(connection, rows)
                    await self._add_renders(connection, rows)
                    for owner, counts in self.log.merge(rows).items():
                        changed.setdefault(owner, Counter()).update(counts)
        self._since = since
        return changed

    async def _votes(self, connection: AsyncConnection, after: int) -> Rows:
        raw = (await connection.get_raw_connection()).driver_connection
        assert isinstance(raw, psycopg.AsyncConnection)
        query = _VOTES.format(
            characters=sql.Literal(ID_CHARACTERS),
            since=sql.Literal(self._since),
            after=sql.Literal(after),
            limit=sql.Literal(MAX_VOTES_AT_ONCE),
        )
        content = bytearray()
        async with raw.cursor() as cursor, cursor.copy(query) as copy:
            async for block in copy:
                content += block
        wire = np.frombuffer(content, _ON_WIRE, offset=_HEADER_BYTES, count=_rows_in(content))
        rows = np.empty(len(wire), dtype=VOTE)
        for name in VOTE.names or ():
            rows[name] = wire[name]
        return rows

    async def _add_groups(self, connection: AsyncConnection, rows: Rows) -> None:
        unknown = self.log.unknown_groups(rows)
        if unknown:
            query = sa.select(_V.seq, _V.owner, _V.category, _V.language).where(_V.seq.in_(unknown.values()))
            found = {row.seq: Group(row.owner, row.category, row.language) for row in await connection.execute(query)}
            self.log.groups.update({one: found[seq] for one, seq in unknown.items()})

    async def _add_renders(self, connection: AsyncConnection, rows: Rows) -> None:
        missing = self.log.renders.missing(np.concatenate((rows["render_a"], rows["render_b"])))
        for begin in range(0, len(missing), MAX_RENDERS_AT_ONCE):
            some = missing[begin : begin + MAX_RENDERS_AT_ONCE]
            found = (await connection.execute(_RENDERS, {"seqs": some})).all()
            self.log.renders.add([tuple(row) for row in found])


def _rows_in(content: bytearray) -> int:
    return (len(content) - _HEADER_BYTES - _TRAILER_BYTES) // _ON_WIRE.itemsize
