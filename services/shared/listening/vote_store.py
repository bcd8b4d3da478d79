"""All queries about votes and whether they count."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.statements import Statement
from services.shared.listening.domain import Assignment, InvitationTally, Listener, ListenerAnswer, PairKey
from services.shared.listening.judging import MAX_JUDGED_VOTES, CastVote, Judgement, VoteState
from services.shared.listening.tables import (
    CAST_COLUMNS,
    HOLDS_PLACE,
    LAST_STATE,
    LISTENER_OF_VOTE,
    LISTENERS,
    PAIRS,
    STATES,
    VOTES,
    WITH_STATES,
    cast_from,
)

MAX_PLACE_VOTES = 1000
"""The last votes at an address by which places are found. It limits what a vote from a crowded address costs."""

_L, _P, _V, _S = LISTENERS.c, PAIRS.c, VOTES.c, STATES.c

_ADD = Statement(
    sa.insert(VOTES),
    *("assignment_id", "test_id", "listener_id", "text_index", "first", "second"),
    *("swapped", "answer", "cast_at", "address"),
)
_ADD_TO_PAIR = Statement(
    sa.update(PAIRS)
    .where(
        _P.test_id == sa.bindparam("of_test"),
        *(column == sa.bindparam(f"of_{column.name}") for column in (_P.text_index, _P.first, _P.second)),
    )
    .values({_P.votes: _P.votes + sa.bindparam("more", type_=sa.Integer)})
)
_ADD_STATE = Statement(sa.insert(STATES), "assignment_id", "state", "reason", "judged_at")
_LOCK = Statement(
    sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("what", type_=sa.Text), 0)))
)
_OF_LISTENER = Statement(
    sa.select(*CAST_COLUMNS)
    .select_from(WITH_STATES)
    .where(_V.listener_id == sa.bindparam("of_listener"), _L.invitation_id == sa.bindparam("of_invitation"))
    .order_by(_V.seq.desc())
    .limit(MAX_JUDGED_VOTES)
)


def _others(*which: sa.ColumnElement[bool]) -> "sa.Select[Any]":
    """Returns the other listeners who hold a place."""
    query = sa.select(_L.id).select_from(VOTES.join(LISTENERS, LISTENER_OF_VOTE).outerjoin(LAST_STATE, sa.true()))
    return query.where(*which, _L.id != sa.bindparam("of_listener", type_=sa.Text), HOLDS_PLACE)


_INVITED = _L.invitation_id == sa.bindparam("of_invitation", type_=sa.Text)
_MOMENT = sa.DateTime(timezone=True)
_RECENT = sa.and_(
    _V.cast_at > sa.func.coalesce(sa.bindparam("since", type_=_MOMENT), sa.text("'-infinity'::timestamptz")),
    _V.cast_at < sa.func.coalesce(sa.bindparam("before", type_=_MOMENT), sa.text("'infinity'::timestamptz")),
)
_ADDRESS = sa.bindparam("at_address", type_=sa.LargeBinary)


def _places(limit: int | None) -> Statement:
    """Returns the statement that finds places by the last votes at an address, `limit` of them."""
    # Two queries, each with its index: where they voted, and where they joined.
    voted = sa.select(_V.assignment_id).where(_V.address == _ADDRESS, _RECENT).order_by(_V.cast_at.desc())
    joined = sa.select(_V.assignment_id).select_from(LISTENERS.join(VOTES, LISTENER_OF_VOTE))
    joined = joined.where(_L.address == _ADDRESS, _RECENT).order_by(_L.created_at.desc())
    return Statement(
        sa.union(
            *(_others(_INVITED, _V.assignment_id.in_(each.limit(limit).correlate(None))) for each in (voted, joined))
        )
    )


_PLACES, _LATEST_PLACES = _places(None), _places(MAX_PLACE_VOTES)
_SAME_SESSION = Statement(
    _others(_L.test_id == sa.bindparam("of_test"), _L.voter_id == sa.bindparam("of_voter")).distinct()
)


class VoteStore(Protocol):
    """The storage of votes. Each method runs in the transaction of `connection`."""

    async def add(
        self,
        connection: AsyncConnection,
        assignment: Assignment,
        answer: ListenerAnswer,
        at: datetime,
        address: bytes | None = None,
    ) -> None:
        """Adds a vote and adds 1 to the votes of its pair. The vote counts until it is judged.

        Raises IntegrityError if the listener has already voted on this pair.
        """

    async def judge(self, connection: AsyncConnection, judgements: Sequence[Judgement], at: datetime) -> None:
        """Adds new states of votes, and corrects the number of votes of their pairs."""

    async def of_test(self, connection: AsyncConnection, test_id: str) -> Sequence[CastVote]:
        """Returns the votes of a test in the order in which they were cast."""

    async def lock_listener(self, connection: AsyncConnection, listener: Listener) -> None:
        """Makes the next statement wait until no other transaction judges votes of this listener, in whichever test."""

    async def lock_addresses(self, connection: AsyncConnection, listener: Listener, addresses: Sequence[bytes]) -> None:
        """Makes the next statement wait until no other transaction gives places at these addresses.

        Others of the same invitation are meant.
        """

    async def of_listener(self, connection: AsyncConnection, listener: Listener) -> Sequence[CastVote]:
        """Returns the last MAX_JUDGED_VOTES votes of a listener by the same invitation, in whichever test.

        They are in the order in which they were cast.
        """

    async def places(
        self,
        connection: AsyncConnection,
        listener: Listener,
        address: bytes,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> Collection[str]:
        """Returns the other listeners of the same invitation who hold a place at this address; see `judging`.

        Only votes cast after `since` and before `before` hold places. With `since`, only the last MAX_PLACE_VOTES votes
        at the address do.
        """

    async def same_session(self, connection: AsyncConnection, listener: Listener) -> Collection[str]:
        """Returns the other listeners of the same session and test who hold a place; see `judging`."""

    async def tallies(self, connection: AsyncConnection, test_id: str) -> Mapping[str, InvitationTally]:
        """Returns for each invitation to a test how many listeners joined by it and how many votes they cast."""


class SqlVoteStore:
    """The store over PostgreSQL."""

    async def add(
        self,
        connection: AsyncConnection,
        assignment: Assignment,
        answer: ListenerAnswer,
        at: datetime,
        address: bytes | None = None,
    ) -> None:
        await _ADD.later(
            connection,
            assignment_id=assignment.id,
            test_id=assignment.test_id,
            listener_id=assignment.listener_id,
            **dataclasses.asdict(assignment.key),
            swapped=assignment.swapped,
            answer=answer,
            cast_at=at,
            address=address,
        )
        await self._count(connection, assignment.test_id, assignment.key, 1)

    async def _count(self, connection: AsyncConnection, test_id: str, key: PairKey, more: int) -> None:
        of_pair = {f"of_{name}": value for name, value in dataclasses.asdict(key).items()}
        await _ADD_TO_PAIR.later(connection, of_test=test_id, **of_pair, more=more)

    async def judge(self, connection: AsyncConnection, judgements: Sequence[Judgement], at: datetime) -> None:
        for each in judgements:
            vote = each.vote
            await _ADD_STATE.later(
                connection, assignment_id=vote.id, state=each.state, reason=each.exclusion_reason or "", judged_at=at
            )
            if each.more:
                await self._count(connection, vote.test_id, vote.key, each.more)

    async def of_test(self, connection: AsyncConnection, test_id: str) -> Sequence[CastVote]:
        return await self._cast(connection, _V.test_id == test_id)

    async def lock_listener(self, connection: AsyncConnection, listener: Listener) -> None:
        await _LOCK.later(connection, what=f"votes of {listener.invitation_id} {listener.id}")

    async def lock_addresses(self, connection: AsyncConnection, listener: Listener, addresses: Sequence[bytes]) -> None:
        # Always in the same order, so that no two listeners wait for each other.
        for address in sorted(addresses):
            await _LOCK.later(connection, what=f"places of {listener.invitation_id} at {address.hex()}")

    async def of_listener(self, connection: AsyncConnection, listener: Listener) -> Sequence[CastVote]:
        last = await _OF_LISTENER.execute(connection, of_listener=listener.id, of_invitation=listener.invitation_id)
        return [cast_from(row) for row in last][::-1]

    async def _cast(self, connection: AsyncConnection, which: sa.ColumnElement[bool]) -> Sequence[CastVote]:
        query = sa.select(*CAST_COLUMNS).select_from(WITH_STATES).where(which).order_by(_V.seq)
        return [cast_from(row) for row in await connection.execute(query)]

    async def places(
        self,
        connection: AsyncConnection,
        listener: Listener,
        address: bytes,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> Collection[str]:
        # Only a test that ends can look at all votes.
        statement = _PLACES if since is None else _LATEST_PLACES
        found = await statement.execute(
            connection,
            of_listener=listener.id,
            of_invitation=listener.invitation_id,
            since=since,
            before=before,
            at_address=address,
        )
        return [row.id for row in found]

    async def same_session(self, connection: AsyncConnection, listener: Listener) -> Collection[str]:
        # The id of a listener is unique in a test, so a listener with the id of the session is its only one.
        if listener.voter_id in (None, listener.id):
            return ()
        found = await _SAME_SESSION.execute(
            connection, of_listener=listener.id, of_test=listener.test_id, of_voter=listener.voter_id
        )
        return [row.id for row in found]

    async def tallies(self, connection: AsyncConnection, test_id: str) -> Mapping[str, InvitationTally]:
        listeners_and_votes = LISTENERS.outerjoin(VOTES, LISTENER_OF_VOTE).outerjoin(LAST_STATE, sa.true())
        query = (
            sa.select(
                _L.invitation_id,
                sa.func.count(_L.id.distinct()),
                sa.func.count(_V.assignment_id),
                sa.func.count().filter(LAST_STATE.c.state == VoteState.EXCLUDED),
            )
            .select_from(listeners_and_votes)
            .where(_L.test_id == test_id)
            .group_by(_L.invitation_id)
        )
        return {invitation_id: InvitationTally(*counts) for invitation_id, *counts in await connection.execute(query)}
