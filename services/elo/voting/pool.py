"""Queries that find a voter's next battle."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle, BattleStatus, Control
from services.elo.battles.views import BATTLE_COLUMNS, battle_from
from services.elo.scenarios.conditions import in_language
from services.elo.tables import BATTLES
from services.runtime.statements import Statement
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


_VOTER, _SINCE = sa.bindparam("voter", type_=sa.Text), sa.bindparam("since", type_=sa.DateTime(timezone=True))
_POSITION = sa.bindparam("position", type_=sa.Double)
_ANSWERED = sa.exists().where(_V.assignment_id == _A.id)
_HEARD = sa.exists().where(_L.test_id == _B.id, _L.id == _VOTER)
_LISTENING = (
    sa.select(sa.func.count()).where(_A.test_id == _B.id, _A.shown_at > _SINCE, ~_ANSWERED).correlate(BATTLES)
).scalar_subquery()
_VOTES = _B.votes_a + _B.votes_b + _B.votes_tie + _B.votes_both_bad
_NEEDS_VOTES = sa.bindparam("votes_needed", type_=sa.Integer) > _LISTENING + _VOTES


def _wanted(*, category: bool, language: bool) -> "list[sa.ColumnElement[bool]]":
    """Returns the conditions on battles that match a wish, which may have a category and a language."""
    # Values of partial indexes must be in the text of a prepared statement.
    wanted = [
        _B.status == sa.literal_column(f"'{BattleStatus.OPEN}'"),
        _B.owner == sa.bindparam("of_owner", type_=sa.Text),
    ]
    if category:
        wanted.append(_B.category == sa.bindparam("of_category", type_=sa.Text))
    if language:
        wanted.append(in_language(_B.language, sa.bindparam("of_language", type_=sa.Text)))
    return wanted


def _draw(part: sa.ColumnElement[bool], *, free: bool, **wish: bool) -> Statement:
    needed = [_NEEDS_VOTES] if free else []
    query = sa.select(*BATTLE_COLUMNS).where(*_wanted(**wish), _B.control == Control.NONE, part, ~_HEARD, *needed)
    return Statement(query.order_by(_B.drawn).limit(1))


_KINDS_OF_WISH = [(category, language) for category in (False, True) for language in (False, True)]
_UNANSWERED = {
    (category, language): Statement(
        sa.select(*BATTLE_COLUMNS)
        .select_from(ASSIGNMENTS.join(BATTLES, _B.id == _A.test_id))
        .where(_A.listener_id == _VOTER, ~_ANSWERED, *_wanted(category=category, language=language))
        .order_by(_A.shown_at.desc())
        .limit(1)
    )
    for category, language in _KINDS_OF_WISH
}
# From a random position on, and then those before it.
_DRAWS = {
    (free, category, language): [
        _draw(part, free=free, category=category, language=language)
        for part in (_B.drawn >= _POSITION, _B.drawn < _POSITION)
    ]
    for free in (True, False)
    for category, language in _KINDS_OF_WISH
}

_DRAW_CONTROL = {
    (category, language): Statement(
        sa.select(*BATTLE_COLUMNS)
        .where(*_wanted(category=category, language=language), _B.control != Control.NONE, ~_HEARD, _NEEDS_VOTES)
        .order_by(_B.drawn < _POSITION, _B.drawn)
        .limit(1)
    )
    for category, language in _KINDS_OF_WISH
}


class PoolStore:
    """The open battles over PostgreSQL. Each method runs in the transaction of `connection`, if it has one."""

    async def unanswered(self, connection: AsyncConnection, voter_id: str, wish: Wish) -> Battle | None:
        """Returns the open battle that a voter got last and has not answered. None if there is none."""
        kind, values = _of(wish)
        row = (await _UNANSWERED[kind].execute(connection, voter=voter_id, **values)).one_or_none()
        return battle_from(row) if row else None

    async def draw_control(
        self,
        connection: AsyncConnection,
        voter_id: str,
        wish: Wish,
        position: float,
        votes_needed: int,
        at: datetime,
    ) -> Battle | None:
        """Returns an open control battle that a voter has not heard, from `position` (0 to 1) on. None without one.

        It leaves out those for which enough other voters are listening.
        """
        kind, values = _of(wish)
        values |= {"voter": voter_id, "position": position}
        values |= {"votes_needed": votes_needed, "since": at - PENDING_ASSIGNMENT_DURATION}
        row = (await _DRAW_CONTROL[kind].execute(connection, **values)).one_or_none()
        return battle_from(row) if row else None

    async def draw(
        self,
        connection: AsyncConnection,
        voter_id: str,
        wish: Wish,
        position: float,
        votes_needed: int,
        at: datetime,
        *,
        free: bool,
    ) -> Battle | None:
        """Returns the first open battle from `position` (0 to 1) on that a voter has not heard. None without one.

        With `free`, it leaves out battles for which enough other voters are listening. The last vote that is needed
        ends a battle for all, so people who still listen could not vote.
        """
        kind, values = _of(wish)
        values |= {"voter": voter_id, "position": position}
        values |= {"votes_needed": votes_needed, "since": at - PENDING_ASSIGNMENT_DURATION}
        for statement in _DRAWS[free, *kind]:
            if (row := (await statement.execute(connection, **values)).one_or_none()) is not None:
                return battle_from(row)
        return None


def _of(wish: Wish) -> tuple[tuple[bool, bool], dict[str, Any]]:
    """Returns the kind of a wish, and the parameters of its statements."""
    values = {"of_owner": wish.owner, "of_category": wish.category, "of_language": wish.language}
    return (wish.category != "", wish.language != ""), values
