"""Exports the votes of a board as signed JSON lines, with all that is needed to compute the board again."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard

from services.elo.battles.domain import BattleStatus
from services.elo.domain import INSTALLATION
from services.elo.leaderboard.export_signing import ALGORITHM, ExportKeys
from services.elo.leaderboard.export_store import OF_SIDE, ExportedBoard, ExportStore
from services.elo.leaderboard.store import BoardKey
from services.elo.ratings import DEFAULT_METHOD, Outcome, VoteKind
from services.elo.ratings.voter_cap import MAX_VOTER_SHARE, MIN_CAPPED_VOTES, MIN_VOTERS_FOR_SHARE
from services.elo.ratings.votes import Bools
from services.runtime.db import Database
from services.runtime.errors import Busy, NotFound

FORMAT = 1
BATCH = 1000
"""Votes that are read at once. They have about 1 MB."""
MAX_CONCURRENT_EXPORTS = 4
"""In one process. An export of a million votes takes about a minute."""


class Exporting:
    """Exports boards."""

    def __init__(self, database: Database, store: ExportStore, keys: ExportKeys) -> None:
        self._database = database
        self._store = store
        self._keys = keys
        self._in_progress = 0

    @property
    def public_key(self) -> str:
        """The public key of the signatures, in base 64."""
        return self._keys.public_key

    async def export(self, key: BoardKey) -> AsyncGenerator[bytes, None]:
        """Yields the lines of an export, many at a time. Only a few votes are in memory.

        Raises NotFound if the board has no votes, and Busy if too many exports are in progress.
        """
        if self._in_progress >= MAX_CONCURRENT_EXPORTS:
            raise Busy(f"{MAX_CONCURRENT_EXPORTS} exports of votes are in progress, which is the limit. Try again.")
        self._in_progress += 1
        try:
            async with self._database.reading() as connection:
                board = await self._store.board(connection, key)
                models = await self._store.models(connection, key)
            if board is None:
                raise NotFound(
                    f"There are no votes of this board yet: {_described(key)}. Export it after the first one, or "
                    "choose another board.",
                    resource="leaderboard",
                )
            digest = hashlib.sha256()
            async for piece in self._lines(key, board, models):
                digest.update(piece)
                yield piece
            yield _line(
                type="signature",
                algorithm=ALGORITHM,
                sha256=digest.hexdigest(),
                public_key=self._keys.public_key,
                signature=self._keys.signature(digest.digest()),
            )
        finally:
            self._in_progress -= 1

    async def _lines(
        self, key: BoardKey, board: ExportedBoard, models: Mapping[int, Mapping[str, Any]]
    ) -> AsyncGenerator[bytes, None]:
        yield _header(key, board, models)
        ids = {seq: model["id"] for seq, model in models.items()}
        last = 0
        while True:
            async with self._database.reading() as connection:
                rows = await self._store.votes(connection, key, last, BATCH)
            if piece := await asyncio.to_thread(self._votes, key, board, rows, ids):
                yield piece
            if len(rows) < BATCH:
                return
            last = rows[-1].seq

    def _votes(self, key: BoardKey, board: ExportedBoard, rows: Sequence[Any], ids: Mapping[int, str]) -> bytes:
        return b"".join(
            self._vote(key, row, ids, _at(board.counted, row.seq)) for row in rows if _at(board.seen, row.seq)
        )

    def _vote(self, key: BoardKey, row: Any, ids: Mapping[int, str], counted: bool) -> bytes:
        # Before its end, nothing may tell people which battle this is, or which of their clips is which model's.
        ended = key.owner != INSTALLATION or row.battle_status == BattleStatus.DECIDED
        human = row.kind == VoteKind.HUMAN
        return _line(
            type="vote",
            id=row.id if ended or human else "",
            kind=row.kind,
            state=_state(row, counted),
            rated=row.rated,
            unrated_reason=row.battle_unrated_reason,
            voter=self._keys.pseudonym(key.owner, row.voter_seq) if human else "",
            slot_a=ids[row.model_a_seq],
            slot_b=ids[row.model_b_seq],
            swapped=row.swapped,
            outcome=Outcome(row.outcome).name.lower(),
            cast_at=row.cast_at.replace(microsecond=0).isoformat(),
            live_elo_change_of_a=row.change_a,
            scenario={
                "id": row.battle_scenario_id,
                "name": row.battle_scenario_name,
                "category": row.category,
                "language": row.language,
                "difficulty": row.difficulty,
                "text": row.battle_text,
                # Of the text, which is all that a version of a scenario can change for its listeners.
                "version": hashlib.sha256(row.battle_text.encode()).hexdigest()[:12],
            },
            battle={
                "id": row.battle_id if ended else "",
                "method_version": row.battle_method_version,
                "chosen": row.battle_chosen,
                "draw_probability": row.battle_probability,
                "candidates": row.battle_candidates,
                "window_points": row.battle_window_points,
                "inside_window": row.battle_inside_window,
                "swaps": row.battle_swaps,
            },
            # Of the sides of the battle. With `swapped`, slot A is side B.
            sides={"a": _side(row, "render_a"), "b": _side(row, "render_b")} if ended else {},
        )


def _state(row: Any, counted: bool) -> str:
    """Returns the state that a vote had when the board was computed."""
    if counted or (not row.rated and row.state in (None, "counted")):
        return "counted"
    return row.state if row.state in ("excluded", "unknown") else "excluded"


def _side(row: Any, side: str) -> Mapping[str, Any]:
    sha256 = getattr(row, f"{side}_audio_sha256")
    return {
        "clip_sha256": sha256.hex() if sha256 is not None else "",
        **{name: getattr(row, f"{side}_{name}") for name in OF_SIDE},
    }


def _header(key: BoardKey, board: ExportedBoard, models: Mapping[int, Mapping[str, Any]]) -> bytes:
    message = Leaderboard.FromString(board.leaderboard)
    return _line(
        type="board",
        format=FORMAT,
        scale="rows[].rating is the published rating. rows[].elo_rating is live Elo, which has another scale.",
        method={**dataclasses.asdict(DEFAULT_METHOD), "masses": dict(DEFAULT_METHOD.masses)},
        voter_cap={
            "min_votes": MIN_CAPPED_VOTES,
            "max_share": MAX_VOTER_SHARE,
            "min_voters_for_share": MIN_VOTERS_FOR_SHARE,
            "choice": "the lowest BLAKE2b-128 of the id of the vote",
        },
        models=list(models.values()),
        leaderboard=MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True),
    )


def _line(**values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _at(bits: Bools, seq: int) -> bool:
    return seq < len(bits) and bool(bits[seq])


def _described(key: BoardKey) -> str:
    scope = ", ".join(filter(None, (key.category, key.language)))
    return f"{key.board}, {scope}" if scope else key.board
