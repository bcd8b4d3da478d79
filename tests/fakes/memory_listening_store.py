"""The store of listening tests in memory."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.shared.listening.domain import Assignment, Listener, ListeningTest, Pair, PairKey, Side
from services.shared.listening.store import MAX_SENT_PIECES
from tests.fakes.memory_database import table


class MemoryListeningStore:
    """Implements `services.shared.listening.store.ListeningStore` over a MemoryDatabase."""

    async def open(self, connection: AsyncConnection, test: ListeningTest, pairs: Collection[Pair]) -> Sequence[Pair]:
        table(connection, "listening_tests")[test.id] = test
        self._silence(connection, [test.id])
        stored = table(connection, "listening_pairs")
        for pair in pairs:
            before = stored.get((test.id, pair.key))
            stored[test.id, pair.key] = dataclasses.replace(pair, votes=before.votes if before else pair.votes)
        return await self.pairs(connection, test.id)

    def _silence(self, connection: AsyncConnection, test_ids: Collection[str]) -> None:
        stored = table(connection, "listening_pairs")
        for (of, key), pair in stored.items():
            if of in test_ids:
                stored[of, key] = dataclasses.replace(pair, first=[], second=[])

    async def test(self, connection: AsyncConnection, test_id: str) -> ListeningTest | None:
        return table(connection, "listening_tests").get(test_id)

    async def suspend(self, connection: AsyncConnection, test_id: str) -> bool:
        tests = table(connection, "listening_tests")
        if test_id not in tests or tests[test_id].closes_at is None:
            return False
        tests[test_id] = dataclasses.replace(tests[test_id], closes_at=None)
        return True

    async def close(self, connection: AsyncConnection, test_id: str) -> None:
        await self.suspend(connection, test_id)

    async def forget_audio(self, connection: AsyncConnection, test_ids: Collection[str]) -> None:
        self._silence(connection, test_ids)
        given = table(connection, "listening_assignments")
        for id_, assignment in given.items():
            if assignment.test_id in test_ids:
                given[id_] = dataclasses.replace(assignment, first_audio=None, second_audio=None)

    async def remove(self, connection: AsyncConnection, test_id: str) -> None:
        given = table(connection, "listening_assignments")
        gone = {id_ for id_, assignment in given.items() if assignment.test_id == test_id}
        table(connection, "listening_tests").pop(test_id, None)
        for name, which in (
            ("listening_pairs", lambda key: key[0] == test_id),
            ("listening_listeners", lambda key: key[0] == test_id),
            ("listening_assignments", gone.__contains__),
            ("listening_votes", gone.__contains__),
            ("listening_vote_states", gone.__contains__),
        ):
            rows = table(connection, name)
            for key in [key for key in rows if which(key)]:
                del rows[key]

    async def overdue(self, connection: AsyncConnection, at: datetime, limit: int) -> Sequence[str]:
        tests = table(connection, "listening_tests").values()
        found = [test for test in tests if test.closes_at is not None and test.closes_at <= at]
        return [test.id for test in sorted(found, key=lambda test: test.closes_at)][:limit]

    async def pairs(self, connection: AsyncConnection, test_id: str) -> Sequence[Pair]:
        stored = table(connection, "listening_pairs")
        return sorted((pair for (of, _), pair in stored.items() if of == test_id), key=lambda pair: pair.key)

    async def add_listener(
        self, connection: AsyncConnection, listener: Listener, max_listeners: int, max_from_address: int
    ) -> Listener | None:
        listeners = table(connection, "listening_listeners")
        invitation = (listener.test_id, listener.invitation_id)
        joined = [each for each in listeners.values() if (each.test_id, each.invitation_id) == invitation]
        if known := [each for each in joined if each.voter_id == listener.voter_id is not None]:
            return known[0]
        from_there = sum(each.address == listener.address for each in joined)
        if len(joined) >= max_listeners or (listener.address is not None and from_there >= max_from_address):
            return None
        listeners[listener.test_id, listener.id] = listener
        return listener

    async def listener(self, connection: AsyncConnection, test_id: str, listener_id: str) -> Listener | None:
        return table(connection, "listening_listeners").get((test_id, listener_id))

    async def pending_assignments(
        self, connection: AsyncConnection, test_id: str, since: datetime
    ) -> Mapping[PairKey, int]:
        return Counter(
            given.key
            for given in table(connection, "listening_assignments").values()
            if given.test_id == test_id and given.shown_at > since and given.answer is None
        )

    async def add_assignment(self, connection: AsyncConnection, assignment: Assignment) -> None:
        table(connection, "listening_assignments")[assignment.id] = assignment

    async def show_again(self, connection: AsyncConnection, assignment_id: str, at: datetime) -> None:
        given = table(connection, "listening_assignments")
        given[assignment_id] = dataclasses.replace(given[assignment_id], shown_at=at)

    async def assignments(self, connection: AsyncConnection, test_id: str, listener_id: str) -> Sequence[Assignment]:
        given = table(connection, "listening_assignments").values()
        its = [each for each in given if (each.test_id, each.listener_id) == (test_id, listener_id)]
        return sorted(its, key=lambda each: each.id)

    async def given(
        self, connection: AsyncConnection, test_id: str, listener_id: str
    ) -> tuple[Listener, ListeningTest | None, Sequence[Assignment]] | None:
        listener = await self.listener(connection, test_id, listener_id)
        if listener is None:
            return None
        test = await self.test(connection, test_id)
        return listener, test, await self.assignments(connection, test_id, listener_id)

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


def _merged(pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns the same byte ranges, with overlapping and adjacent ranges merged."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
