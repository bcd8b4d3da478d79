"""The queries for exports of votes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue.tables import VOICE_MODELS
from services.elo.leaderboard.store import BoardKey
from services.elo.leaderboard.vote_log import MEASURED, unpacked
from services.elo.ratings.published_board import BoardKind
from services.elo.ratings.votes import Bools
from services.elo.tables import BATTLE_VOTES, BATTLES, BOARD_VOTES, BOARDS, RENDERS, SCENARIOS
from services.shared.listening.tables import STATES

_V, _B, _M = BATTLE_VOTES.c, BATTLES.c, VOICE_MODELS.c
_A, _SIDE_B = RENDERS.alias("render_a"), RENDERS.alias("render_b")
OF_SIDE = ("evaluation_id", *MEASURED, "loudness_lufs")
"""The columns of renders that an export has for each side, beside the hash of the clip."""
_STATE = (
    sa.select(STATES.c.state)
    .where(STATES.c.assignment_id == _V.id)
    .order_by(STATES.c.seq.desc())
    .limit(1)
    .scalar_subquery()
)
_QUERY = sa.select(
    *(_V[name] for name in ("seq", "id", "kind", "rated", "voter_seq", "swapped", "outcome", "change_a", "cast_at")),
    *(_V[name] for name in ("model_a_seq", "model_b_seq", "category", "language")),
    _STATE.label("state"),
    *(_B[name].label(f"battle_{name}") for name in ("id", "status", "private", "chosen", "unrated_reason", "text")),
    *(_B[name].label(f"battle_{name}") for name in ("method_version", "probability", "candidates", "window_points")),
    *(_B[name].label(f"battle_{name}") for name in ("inside_window", "swaps", "scenario_id", "scenario_name")),
    SCENARIOS.c.difficulty,
    *(side.c[name].label(f"{side.name}_{name}") for side in (_A, _SIDE_B) for name in ("audio_sha256", *MEASURED)),
    *(
        side.c[name].label(f"{side.name}_{name}")
        for side in (_A, _SIDE_B)
        for name in ("evaluation_id", "loudness_lufs")
    ),
).select_from(
    BATTLE_VOTES.join(BATTLES, _B.id == _V.battle_id)
    .join(SCENARIOS, SCENARIOS.c.id == _B.scenario_id)
    .outerjoin(_A, _A.c.id == _B.render_a_id)
    .outerjoin(_SIDE_B, _SIDE_B.c.id == _B.render_b_id)
)


@dataclass(frozen=True, slots=True)
class ExportedBoard:
    """A board, and which votes existed and counted when it was computed, by number."""

    leaderboard: bytes
    seen: Bools
    counted: Bools


class ExportStore:
    """Reads boards and votes for exports."""

    async def board(self, connection: AsyncConnection, key: BoardKey) -> ExportedBoard | None:
        """Returns a board with its votes, None if there is none."""
        of_key = [BOARDS.c[name] == value for name, value in key._asdict().items()]
        query = (
            sa.select(BOARDS.c.leaderboard, BOARD_VOTES.c.seen, BOARD_VOTES.c.counted)
            .join(BOARD_VOTES, BOARD_VOTES.c.owner == BOARDS.c.owner)
            .where(*of_key)
        )
        row = (await connection.execute(query)).one_or_none()
        return ExportedBoard(row.leaderboard, unpacked(row.seen), unpacked(row.counted)) if row else None

    async def models(self, connection: AsyncConnection, key: BoardKey) -> Mapping[int, Mapping[str, Any]]:
        """Returns the models of a board's votes by number, in ascending order."""
        seqs = sa.union(*(sa.select(column).where(*_of(key)) for column in (_V.model_a_seq, _V.model_b_seq)))
        columns = ("id", "name", "provider", "kind", "voice_id", "model_id", "version", "parameters")
        query = sa.select(_M.seq, *(_M[name] for name in columns)).where(_M.seq.in_(seqs)).order_by(_M.seq)
        return {row.seq: {name: getattr(row, name) for name in columns} for row in await connection.execute(query)}

    async def votes(self, connection: AsyncConnection, key: BoardKey, after: int, limit: int) -> Sequence[Any]:
        """Returns up to `limit` votes of a board after a number, in the order of their numbers."""
        some = sa.select(_V.seq).where(*_of(key), _V.seq > after).order_by(_V.seq).limit(limit)
        # Chosen first, so that only these are joined with the rest.
        seqs = (await connection.execute(some)).scalars().all()
        return (await connection.execute(_QUERY.where(_V.seq.in_(seqs)).order_by(_V.seq))).all()


def _of(key: BoardKey) -> Collection[sa.ColumnElement[bool]]:
    """Returns the conditions of the votes of a board, counted or not."""
    conditions = [_V.owner == key.owner, _V.kind.in_(BoardKind(key.board).kinds)]
    if key.category:
        conditions.append(_V.category == key.category)
    if key.language:
        conditions.append(_V.language == key.language)
    return conditions
