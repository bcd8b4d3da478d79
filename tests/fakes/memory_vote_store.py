"""The store of votes in memory."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shared.listening.domain import (
    NO_ADDRESS_LIMIT,
    Assignment,
    InvitationTally,
    Listener,
    ListenerAnswer,
    Pair,
    PairKey,
)
from services.shared.listening.judging import MAX_JUDGED_VOTES, CastVote, Judgement, VoteState
from services.shared.listening.tables import cast_vote
from services.shared.listening.vote_store import MAX_PLACE_VOTES
from tests.fakes.memory_database import table


class MemoryVoteStore:
    """Implements `services.shared.listening.vote_store.VoteStore` over a MemoryDatabase."""

    async def add(
        self,
        connection: AsyncConnection,
        assignment: Assignment,
        answer: ListenerAnswer,
        at: datetime,
        address: bytes | None = None,
    ) -> None:
        given = table(connection, "listening_assignments")
        whose = (assignment.test_id, assignment.listener_id, assignment.key)
        if any(each.answer for each in given.values() if (each.test_id, each.listener_id, each.key) == whose):
            raise IntegrityError("a vote", None, ValueError("a listener has one vote per pair"))
        given[assignment.id] = dataclasses.replace(given[assignment.id], answer=answer)
        _count(connection, assignment.test_id, assignment.key, 1)
        table(connection, "listening_votes")[assignment.id] = (at, address)

    async def judge(self, connection: AsyncConnection, judgements: Sequence[Judgement], at: datetime) -> None:
        for each in judgements:
            table(connection, "listening_vote_states")[each.vote.id] = (each.state, each.exclusion_reason, at)
            _count(connection, each.vote.test_id, each.vote.key, (each.exclusion_reason is None) - each.vote.counts)

    async def lock_listener(self, connection: AsyncConnection, listener: Listener) -> None:
        """Does nothing, because transactions in memory run one after another."""

    async def lock_addresses(self, connection: AsyncConnection, listener: Listener, addresses: Sequence[bytes]) -> None:
        """Does nothing, for the same reason."""

    async def of_test(self, connection: AsyncConnection, test_id: str) -> Sequence[CastVote]:
        return [vote for vote in self._all(connection) if vote.test_id == test_id]

    def _all(self, connection: AsyncConnection) -> list[CastVote]:
        given, states = table(connection, "listening_assignments"), table(connection, "listening_vote_states")
        found = []
        for id_, (at, address) in table(connection, "listening_votes").items():
            assignment: Assignment = given[id_]
            listener = _listener(connection, assignment)
            state, exclusion_reason, judged_at = states.get(id_, (VoteState.UNKNOWN, None, None))
            found.append(
                cast_vote(
                    assignment,
                    invitation_id=listener.invitation_id,
                    cast_at=at,
                    address=address,
                    joined_from=listener.address,
                    supervised=listener.max_listeners_per_address == NO_ADDRESS_LIMIT,
                    state=state,
                    exclusion_reason=exclusion_reason,
                    judged_at=judged_at,
                )
            )
        return found

    async def of_listener(self, connection: AsyncConnection, listener: Listener) -> Sequence[CastVote]:
        whose = (listener.invitation_id, listener.id)
        own = [vote for vote in self._all(connection) if (vote.invitation_id, vote.listener_id) == whose]
        return own[-MAX_JUDGED_VOTES:]

    async def places(
        self,
        connection: AsyncConnection,
        listener: Listener,
        address: bytes,
        since: datetime | None = None,
        before: datetime | None = None,
    ) -> Collection[str]:
        at_address = [
            vote
            for vote in self._all(connection)
            if address in vote.addresses
            if (since is None or vote.cast_at > since) and (before is None or vote.cast_at < before)
        ]
        return {
            vote.listener_id
            for vote in (at_address if since is None else at_address[-MAX_PLACE_VOTES:])
            if vote.invitation_id == listener.invitation_id and vote.listener_id != listener.id
            if vote.holds_place
        }

    async def same_session(self, connection: AsyncConnection, listener: Listener) -> Collection[str]:
        listeners = table(connection, "listening_listeners")
        return {
            vote.listener_id
            for vote in await self.of_test(connection, listener.test_id)
            if vote.listener_id != listener.id and vote.holds_place
            if listeners[vote.test_id, vote.listener_id].voter_id == listener.voter_id is not None
        }

    async def tallies(self, connection: AsyncConnection, test_id: str) -> Mapping[str, InvitationTally]:
        listeners = [each for each in table(connection, "listening_listeners").values() if each.test_id == test_id]
        votes = await self.of_test(connection, test_id)
        return {
            invitation_id: InvitationTally(
                sum(each.invitation_id == invitation_id for each in listeners),
                sum(vote.invitation_id == invitation_id for vote in votes),
                sum(vote.invitation_id == invitation_id and not vote.counts for vote in votes),
            )
            for invitation_id in {each.invitation_id for each in listeners}
        }


def _listener(connection: AsyncConnection, assignment: Assignment) -> Listener:
    listener: Listener = table(connection, "listening_listeners")[assignment.test_id, assignment.listener_id]
    return listener


def _count(connection: AsyncConnection, test_id: str, key: PairKey, more: int) -> None:
    pairs = table(connection, "listening_pairs")
    pair: Pair = pairs[test_id, key]
    pairs[test_id, key] = dataclasses.replace(pair, votes=pair.votes + more)
