"""Queries that find a voter's next battle."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle, BattleStatus, Control
from services.elo.battles.views import BATTLE_COLUMNS, battle_from
from services.elo.tables import BATTLES
from services.shared.listening.domain import PENDING_ASSIGNMENT_DURATION
from services.shared.listening.tables import ASSIGNMENTS, LISTENERS, VOTES

_A, _B, _L, _V = ASSIGNMENTS.c, BATTLES.c, LISTENERS.c, VOTES.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which battles a voter wants to hear. An empty field matches every battle."""

    owner: str
    """The board: that of a developer, or the public one."""
    category: str = ""
    language: str = ""
    """A BCP 47 tag, which also selects its regions."""

    def matches(self) -> Sequence[sa.ColumnElement[bool]]:
        """Returns the conditions on battles."""
        wanted = [_B.status == BattleStatus.OPEN, _B.owner == self.owner]
        if self.category:
            wanted.append(_B.category == self.category)
        if self.language:
            language = sa.func.lower(_B.language)
            tag = self.language.lower()
            wanted.append(sa.or_(language == tag, language.startswith(f"{tag}-", autoescape=True)))
        return wanted


class PoolStore:
    """The open battles over PostgreSQL. Each method runs in the transaction of `connection`, if it has one."""

    async def unanswered(self, connection: AsyncConnection, voter_id: str, wish: Wish) -> Battle | None:
        """Returns the open battle that a voter got last and has not answered. None if there is none."""
        query = (
            sa.select(*BATTLE_COLUMNS)
            .select_from(ASSIGNMENTS.join(BATTLES, _B.id == _A.test_id))
            .where(_A.listener_id == voter_id, ~_answered(), *wish.matches())
            .order_by(_A.shown_at.desc())
            .limit(1)
        )
        return await _one(connection, query)

    async def draw(
        self, connection: AsyncConnection, voter_id: str, wish: Wish, at: float, votes_needed: int, moment: datetime
    ) -> Battle | None:
        """Returns the first open battle from the position `at` (0 to 1) that a voter has not heard. None without one.

        Battles come first for which not enough other voters are listening, because the last vote ends a battle for all.
        """
        since = moment - PENDING_ASSIGNMENT_DURATION
        listening = (
            sa.select(sa.func.count())
            .where(_A.test_id == _B.id, _A.shown_at > since, ~_answered())
            .correlate(BATTLES)
            .scalar_subquery()
        )
        votes = _B.votes_a + _B.votes_b + _B.votes_tie + _B.votes_both_bad
        heard = sa.exists().where(_L.test_id == _B.id, _L.id == voter_id)
        free = [listening + votes < votes_needed]
        for conditions in (free, []):
            for part in (_B.drawn >= at, _B.drawn < at):
                drawn = (*wish.matches(), _B.control == Control.NONE, part, ~heard, *conditions)
                query = sa.select(*BATTLE_COLUMNS).where(*drawn)
                if (found := await _one(connection, query.order_by(_B.drawn).limit(1))) is not None:
                    return found
        return None


def _answered() -> sa.ColumnElement[bool]:
    return sa.exists().where(_V.assignment_id == _A.id)


async def _one(connection: AsyncConnection, query: "sa.Select[Any]") -> Battle | None:
    row = (await connection.execute(query)).one_or_none()
    return battle_from(row) if row else None
