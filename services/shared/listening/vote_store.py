"""All queries about votes and whether they count."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

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

_L, _P, _V = LISTENERS.c, PAIRS.c, VOTES.c


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
        """Waits until no other transaction judges votes of this listener, in whichever test."""

    async def lock_addresses(self, connection: AsyncConnection, listener: Listener, addresses: Sequence[bytes]) -> None:
        """Waits until no other transaction gives places at these addresses to listeners of the same invitation."""

    async def of_listener(self, connection: AsyncConnection, listener: Listener) -> Sequence[CastVote]:
        """Returns the last MAX_JUDGED_VOTES votes of a listener by the same invitation, in whichever test.

        They are in the order in which they were cast.
        """

    async def places(
        self, connection: AsyncConnection, listener: Listener, address: bytes, since: datetime | None = None
    ) -> Collection[str]:
        """Returns the other listeners of the same invitation who hold a place at this address; see `judging`.

        Only votes cast after `since` hold places.
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
        key = assignment.key
        await connection.execute(
            sa.insert(VOTES).values(
                assignment_id=assignment.id,
                test_id=assignment.test_id,
                listener_id=assignment.listener_id,
                text_index=key.text_index,
                first=key.first,
                second=key.second,
                swapped=assignment.swapped,
                answer=answer,
                cast_at=at,
                address=address,
            )
        )
        await self._count(connection, assignment.test_id, key, 1)

    async def _count(self, connection: AsyncConnection, test_id: str, key: PairKey, more: int) -> None:
        of_pair = (
            _P.test_id == test_id,
            _P.text_index == key.text_index,
            _P.first == key.first,
            _P.second == key.second,
        )
        await connection.execute(sa.update(PAIRS).where(*of_pair).values({_P.votes: _P.votes + more}))

    async def judge(self, connection: AsyncConnection, judgements: Sequence[Judgement], at: datetime) -> None:
        for each in judgements:
            vote = each.vote
            await connection.execute(
                sa.insert(STATES).values(
                    assignment_id=vote.id, state=each.state, reason=each.exclusion_reason or "", judged_at=at
                )
            )
            if more := (each.exclusion_reason is None) - vote.counts:
                await self._count(connection, vote.test_id, vote.key, more)

    async def of_test(self, connection: AsyncConnection, test_id: str) -> Sequence[CastVote]:
        return await self._cast(connection, _V.test_id == test_id)

    async def lock_listener(self, connection: AsyncConnection, listener: Listener) -> None:
        await _lock(connection, f"votes of {listener.invitation_id} {listener.id}")

    async def lock_addresses(self, connection: AsyncConnection, listener: Listener, addresses: Sequence[bytes]) -> None:
        # Always in the same order, so that no two listeners wait for each other.
        for address in sorted(addresses):
            await _lock(connection, f"places of {listener.invitation_id} at {address.hex()}")

    async def of_listener(self, connection: AsyncConnection, listener: Listener) -> Sequence[CastVote]:
        own = sa.and_(_V.listener_id == listener.id, _L.invitation_id == listener.invitation_id)
        query = sa.select(*CAST_COLUMNS).select_from(WITH_STATES).where(own)
        last = await connection.execute(query.order_by(_V.seq.desc()).limit(MAX_JUDGED_VOTES))
        return [cast_from(row) for row in last][::-1]

    async def _cast(self, connection: AsyncConnection, which: sa.ColumnElement[bool]) -> Sequence[CastVote]:
        query = sa.select(*CAST_COLUMNS).select_from(WITH_STATES).where(which).order_by(_V.seq)
        return [cast_from(row) for row in await connection.execute(query)]

    async def places(
        self, connection: AsyncConnection, listener: Listener, address: bytes, since: datetime | None = None
    ) -> Collection[str]:
        invited = _L.invitation_id == listener.invitation_id
        recent = _V.cast_at > since if since is not None else sa.true()
        # Two queries, each with its index: where they joined, and where they voted.
        return {
            *await self._others(connection, listener, invited, recent, _L.address == address),
            *await self._others(connection, listener, invited, recent, _V.address == address),
        }

    async def same_session(self, connection: AsyncConnection, listener: Listener) -> Collection[str]:
        if listener.voter_id is None:
            return ()
        same = sa.and_(_L.test_id == listener.test_id, _L.voter_id == listener.voter_id)
        return await self._others(connection, listener, same)

    async def _others(
        self, connection: AsyncConnection, listener: Listener, *which: sa.ColumnElement[Any]
    ) -> Collection[str]:
        query = sa.select(_L.id).select_from(WITH_STATES).where(*which, _L.id != listener.id, HOLDS_PLACE)
        return list((await connection.execute(query.distinct())).scalars())

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


async def _lock(connection: AsyncConnection, what: str) -> None:
    await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(what, 0))))
