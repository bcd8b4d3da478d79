"""Reads published boards over all categories and languages, for those who need more than the leaderboard."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.elo.v1.leaderboard_pb2 import Leaderboard, SlotEffect

from services.elo.domain import INSTALLATION
from services.elo.ratings import BoardKind
from services.elo.tables import BOARDS


async def overall_boards(connection: AsyncConnection, owner: str, *kinds: BoardKind) -> Mapping[str, Leaderboard]:
    """Returns an owner's boards of these kinds as they were last computed. A kind without votes is left out."""
    query = sa.select(BOARDS.c.board, BOARDS.c.leaderboard).where(
        BOARDS.c.owner == owner, BOARDS.c.board.in_(kinds), BOARDS.c.category == "", BOARDS.c.language == ""
    )
    return {row.board: Leaderboard.FromString(row.leaderboard) for row in await connection.execute(query)}


async def public_slot_effect(connection: AsyncConnection) -> SlotEffect | None:
    """Returns the advantage of side A on the public board of people. None if that is not known."""
    board = (await overall_boards(connection, INSTALLATION, BoardKind.HUMAN)).get(BoardKind.HUMAN)
    return board.slot_effect if board is not None and board.HasField("slot_effect") else None
