"""The store of listening in memory."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import ExperimentStatus
from services.experiments.listening.domain import (
    Assignment,
    Link,
    Listener,
    ListenerAnswer,
    Pair,
    PairKey,
    Side,
)
from services.experiments.listening.judging import CastVote, Judgement, VoteState
from services.experiments.listening.store import MAX_SENT_PIECES
from services.experiments.listening.tables import cast_vote
from services.runtime.request_ids import Earlier
from tests.fakes.memory_database import table


class MemoryListeningStore:
    """Implements `services.experiments.listening.store.ListeningStore` over a MemoryDatabase."""

    async def add_link(
        self, connection: AsyncConnection, link: Link, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        requests = table(connection, "listening_requests")
        request = (link.experiment_id, request_id)
        if request_id and request in requests:
            return False
        if request_id:
            requests[request] = link.id, fingerprint
        table(connection, "listening_links")[link.id] = link
        return True

    async def link_of_request(
        self, connection: AsyncConnection, experiment_id: str, request_id: str
    ) -> Earlier[Link] | None:
        link_id, fingerprint = table(connection, "listening_requests").get((experiment_id, request_id), ("", None))
        link = table(connection, "listening_links").get(link_id)
        return Earlier(link, fingerprint, link.created_at) if link else None

    async def link(self, connection: AsyncConnection, link_id: str) -> Link | None:
        return table(connection, "listening_links").get(link_id)

    async def links(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Link]:
        found = [
            link
            for link in table(connection, "listening_links").values()
            if link.experiment_id == experiment_id and (after is None or _place(link) < after)
        ]
        return sorted(found, key=_place, reverse=True)[:limit]

    async def revoke_link(self, connection: AsyncConnection, link_id: str, at: datetime) -> Link | None:
        links = table(connection, "listening_links")
        if link_id not in links:
            return None
        link: Link = links[link_id]
        links[link_id] = link = dataclasses.replace(link, revoked_at=link.revoked_at or at)
        return link

    async def add_listener(
        self, connection: AsyncConnection, listener: Listener, most: int, most_from_address: int
    ) -> Listener | None:
        links, listeners = table(connection, "listening_links"), table(connection, "listening_listeners")
        link: Link = links[listener.link_id]
        its = [each for each in listeners.values() if each.link_id == link.id]
        if known := [each for each in its if each.voter_id == listener.voter_id is not None]:
            return known[0]
        from_there = sum(each.address == listener.address for each in its)
        if link.listeners >= most or (listener.address is not None and from_there >= most_from_address):
            return None
        links[link.id] = dataclasses.replace(link, listeners=link.listeners + 1)
        listeners[listener.id] = listener
        return listener

    async def listener(self, connection: AsyncConnection, listener_id: str) -> Listener | None:
        return table(connection, "listening_listeners").get(listener_id)

    async def put_pairs(self, connection: AsyncConnection, experiment_id: str, pairs: Collection[Pair]) -> None:
        stored = table(connection, "listening_pairs")
        for (of, key), pair in stored.items():
            if of == experiment_id:
                stored[of, key] = dataclasses.replace(pair, first_trials=[], second_trials=[])
        for pair in pairs:
            before = stored.get((experiment_id, pair.key))
            stored[experiment_id, pair.key] = dataclasses.replace(pair, votes=before.votes if before else pair.votes)

    async def pairs(self, connection: AsyncConnection, experiment_id: str) -> Sequence[Pair]:
        stored = table(connection, "listening_pairs")
        return sorted((pair for (of, _), pair in stored.items() if of == experiment_id), key=lambda pair: pair.key)

    async def held(self, connection: AsyncConnection, experiment_id: str, since: datetime) -> Mapping[PairKey, int]:
        return Counter(
            given.key
            for given in table(connection, "listening_assignments").values()
            if given.experiment_id == experiment_id and given.shown_at > since and given.answer is None
        )

    async def add_assignment(self, connection: AsyncConnection, assignment: Assignment) -> None:
        table(connection, "listening_assignments")[assignment.id] = assignment

    async def show_again(self, connection: AsyncConnection, assignment_id: str, at: datetime) -> None:
        given = table(connection, "listening_assignments")
        given[assignment_id] = dataclasses.replace(given[assignment_id], shown_at=at)

    async def assignments(self, connection: AsyncConnection, listener_id: str) -> Sequence[Assignment]:
        given = table(connection, "listening_assignments").values()
        return sorted((each for each in given if each.listener_id == listener_id), key=lambda each: each.id)

    async def assignment_of_clip(self, connection: AsyncConnection, clip: str) -> Assignment | None:
        given = table(connection, "listening_assignments").values()
        return next((each for each in given if clip in (each.clip_a, each.clip_b)), None)

    async def add_sent(
        self,
        connection: AsyncConnection,
        assignment_id: str,
        side: Side,
        sent: tuple[int, int],
        size: int,
        at: datetime,
    ) -> None:
        given = table(connection, "listening_assignments")
        assignment: Assignment = given[assignment_id]
        if assignment.sent_at(side) is not None:
            return
        known = table(connection, "listening_sent")
        covered = _merged([*known.get((assignment_id, side), []), sent])
        if len(covered) > MAX_SENT_PIECES:
            return
        known[assignment_id, side] = covered
        if covered[0][0] == 0 and covered[0][1] >= size:
            column = "a_sent_at" if side is Side.A else "b_sent_at"
            given[assignment_id] = dataclasses.replace(assignment, **{column: at})

    async def add_vote(
        self,
        connection: AsyncConnection,
        assignment: Assignment,
        answer: ListenerAnswer,
        at: datetime,
        address: bytes | None = None,
    ) -> None:
        given = table(connection, "listening_assignments")
        same = [
            each for each in given.values() if (each.listener_id, each.key) == (assignment.listener_id, assignment.key)
        ]
        if any(each.answer is not None for each in same):
            raise IntegrityError("a vote", None, ValueError("one for each listener and pair"))
        given[assignment.id] = dataclasses.replace(given[assignment.id], answer=answer)
        _count(connection, assignment.experiment_id, assignment.key, 1)
        links = table(connection, "listening_links")
        link = links[assignment.link_id]
        links[link.id] = dataclasses.replace(link, votes=link.votes + 1)
        table(connection, "listening_votes")[assignment.id] = (at, address)

    async def judge(self, connection: AsyncConnection, judgements: Sequence[Judgement], at: datetime) -> None:
        links = table(connection, "listening_links")
        for each in judgements:
            table(connection, "listening_vote_states")[each.vote.id] = (each.state, each.doubt, at)
            more = (each.doubt is None) - each.vote.counts
            _count(connection, each.vote.experiment_id, each.vote.key, more)
            link = links[each.vote.link_id]
            links[link.id] = dataclasses.replace(link, excluded_votes=link.excluded_votes - more)

    async def cast(
        self, connection: AsyncConnection, experiment_id: str, listener_id: str | None = None
    ) -> Sequence[CastVote]:
        given, states = table(connection, "listening_assignments"), table(connection, "listening_vote_states")
        listeners, links = table(connection, "listening_listeners"), table(connection, "listening_links")
        found = []
        for id_, (at, address) in table(connection, "listening_votes").items():
            assignment: Assignment = given[id_]
            listener: Listener = listeners[assignment.listener_id]
            if assignment.experiment_id == experiment_id and listener_id in (None, listener.id):
                state, doubt, judged_at = states.get(id_, (VoteState.UNKNOWN, None, None))
                found.append(
                    cast_vote(
                        assignment,
                        cast_at=at,
                        address=address,
                        joined_from=listener.address,
                        supervised=links[listener.link_id].supervised,
                        state=state,
                        doubt=doubt,
                        judged_at=judged_at,
                    )
                )
        return found

    async def places(
        self, connection: AsyncConnection, link_id: str, address: bytes, *, besides: str
    ) -> Collection[str]:
        link: Link = table(connection, "listening_links")[link_id]
        return {
            vote.listener_id
            for vote in await self.cast(connection, link.experiment_id)
            if vote.link_id == link_id and vote.listener_id != besides
            if vote.holds_place and address in vote.addresses
        }

    async def same_session(self, connection: AsyncConnection, listener_id: str) -> Collection[str]:
        listeners = table(connection, "listening_listeners")
        own: Listener = listeners[listener_id]
        return {
            vote.listener_id
            for vote in await self.cast(connection, own.experiment_id)
            if vote.listener_id != own.id and vote.holds_place
            if listeners[vote.listener_id].voter_id == own.voter_id is not None
        }

    async def overdue(self, connection: AsyncConnection, at: datetime, limit: int) -> Sequence[str]:
        found = [
            experiment
            for experiment in table(connection, "experiments").values()
            if experiment.status is ExperimentStatus.RUNNING
            and experiment.listening_until is not None
            and experiment.listening_until <= at
        ]
        return [experiment.id for experiment in sorted(found, key=lambda each: each.listening_until)][:limit]


def _count(connection: AsyncConnection, experiment_id: str, key: PairKey, more: int) -> None:
    pairs = table(connection, "listening_pairs")
    pair: Pair = pairs[experiment_id, key]
    pairs[experiment_id, key] = dataclasses.replace(pair, votes=pair.votes + more)


def _place(link: Link) -> tuple[datetime, str]:
    return link.created_at, link.id


def _merged(pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns the same bytes in as few pieces as possible."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
