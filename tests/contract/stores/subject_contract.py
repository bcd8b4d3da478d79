"""What every subject of listening does. To plug one in, subclass `SubjectContract` with a fixture `case`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.db import Database
from services.runtime.errors import NotFound, Unauthenticated, WrongState
from services.runtime.ids import new_id
from services.shared.audio.wav import write_wav
from services.shared.listening.clips import Clips
from services.shared.listening.closing import Closing
from services.shared.listening.comparing import Comparing, Voted
from services.shared.listening.domain import Assignment, Listener, ListenerAnswer, ListenerProgress, ListeningTest
from services.shared.listening.hearing import Hearing, Sent
from services.shared.listening.store import ListeningStore, SqlListeningStore
from services.shared.listening.subject import Subject
from services.shared.listening.vote_store import SqlVoteStore, VoteStore
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_listening_store import MemoryListeningStore
from tests.fakes.memory_vote_store import MemoryVoteStore
from tests.fakes.recordings import tone

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
A, B = ListenerAnswer.A, ListenerAnswer.B
WAITING = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


class SubjectCase(Protocol):
    """A subject of one kind in a database, and what the suite needs to know of it."""

    database: Database
    subject: Subject[Any]

    async def begin(self, votes_per_pair: int) -> str:
        """Adds a subject of two candidates on one text, has its test opened as its service does, and returns its id."""

    async def invite(self, test_id: str) -> str:
        """Returns a new invitation."""

    async def end_invitation(self, invitation_id: str) -> None:
        """Makes an invitation useless."""

    async def remove(self, connection: AsyncConnection, test_id: str) -> None:
        """Deletes a subject and its test, as its service does."""

    async def received(self, connection: AsyncConnection, test_id: str) -> int:
        """Returns how many votes the subject knows of."""

    async def ends(self, connection: AsyncConnection, test_id: str) -> int:
        """Returns how often the subject has ended."""


def stores(database: Database) -> tuple[ListeningStore, VoteStore]:
    """Returns the stores over a database."""
    if isinstance(database, MemoryDatabase):
        return MemoryListeningStore(), MemoryVoteStore()
    return SqlListeningStore(), SqlVoteStore()


class Room:
    """The use cases of listening over a subject, and shorter words for what the suite does with them."""

    def __init__(self, case: SubjectCase, clock: Clock) -> None:
        self.case, self.database, self.clock = case, case.database, clock
        self.store, self.votes = stores(self.database)
        self.comparing = Comparing(self.database, self.store, self.votes, case.subject, clock)
        self.closing = Closing(self.database, self.store, case.subject, clock)
        self.hearing = Hearing(self.database, self.store, clock)
        self.clips = Clips(self.database, self.store, case.subject, self, "a secret of sixteen")

    async def get(self, name: str) -> bytes:
        """The audio of every candidate."""
        return write_wav(tone(1.0).tobytes(), 24_000)

    async def join(self, test_id: str, invitation_id: str, address: bytes | None = None, most: int = 3) -> Listener:
        listener = Listener(
            id=new_id("lsn"),
            test_id=test_id,
            invitation_id=invitation_id,
            max_listeners_per_address=most,
            created_at=self.clock(),
            voter_id=new_id("usr"),
            address=address,
        )
        joined = await self.comparing.join(listener, 99)
        assert joined is not None
        return joined[0]

    async def listeners(self, test_id: str, count: int) -> list[Listener]:
        invitation = await self.case.invite(test_id)
        return [await self.join(test_id, invitation) for _ in range(count)]

    async def hear(self, listener: Listener) -> Assignment:
        """Takes the listener's pair and hears it."""
        pair = (await self.comparing.next_pair(listener.test_id, listener.id)).assignment
        assert pair is not None
        for clip in (pair.clip_a, pair.clip_b):
            await self.hearing.note(Sent(clip, 0, 100, 100), self.clock())
        self.clock.at += timedelta(seconds=pair.seconds + 1)
        return pair

    async def cast(self, listener: Listener, pair: Assignment, answer: ListenerAnswer = A) -> Voted[Any]:
        return await self.comparing.vote(listener.test_id, listener.id, pair.id, answer, listener.address)

    async def vote(self, *listeners: Listener) -> None:
        for listener in listeners:
            await self.cast(listener, await self.hear(listener))

    async def known(self, test_id: str) -> tuple[int, int]:
        """Returns how many votes the subject knows of, and how often it has ended."""
        async with self.database.transaction() as connection:
            return await self.case.received(connection, test_id), await self.case.ends(connection, test_id)

    async def test(self, test_id: str) -> ListeningTest:
        async with self.database.reading() as connection:
            found = await self.store.test(connection, test_id)
        assert found is not None
        return found

    @asynccontextmanager
    async def held(self, test_id: str) -> AsyncIterator[AsyncConnection]:
        """A transaction that holds the lock of a subject."""
        async with self.database.transaction() as connection:
            assert await self.case.subject.lock(connection, test_id)
            yield connection

    async def wait_for_lock(self) -> None:
        """Returns once somebody waits for a row that another transaction has locked."""
        async with asyncio.timeout(10), self.database.reading() as connection:
            while not (await connection.execute(WAITING)).scalar():
                continue


class SubjectContract:
    """The suite."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def room(self, case: SubjectCase, clock: Clock) -> Room:
        return Room(case, clock)

    async def test_only_a_subject_that_is_there_can_be_locked(self, room: Room) -> None:
        test_id = await room.case.begin(1)
        async with room.database.transaction() as connection:
            assert await room.case.subject.lock(connection, test_id)
            assert not await room.case.subject.lock(connection, "exp_" + "0" * 32)

    async def test_nobody_joins_or_votes_while_somebody_else_holds_the_lock(self, room: Room) -> None:
        if isinstance(room.database, MemoryDatabase):
            pytest.skip("its transactions follow one another")
        test_id = await room.case.begin(2)
        invitation = await room.case.invite(test_id)
        listener = await room.join(test_id, invitation)
        pair = await room.hear(listener)
        for act in (lambda: room.join(test_id, invitation), lambda: room.cast(listener, pair)):
            async with room.held(test_id):
                acting = asyncio.create_task(act())
                await room.wait_for_lock()
                assert not acting.done()
            await acting

    async def test_a_session_that_joins_many_times_at_once_is_one_listener(self, room: Room) -> None:
        test_id = await room.case.begin(2)
        invitation = await room.case.invite(test_id)
        same = Listener(
            id="", test_id=test_id, invitation_id=invitation, max_listeners_per_address=3, created_at=NOON, voter_id="u"
        )
        each = [Listener(**{**_fields(same), "id": f"lsn_{number}"}) for number in range(5)]
        joined = await asyncio.gather(*(room.comparing.join(one, 99) for one in each))
        assert len({found[0].id for found in joined if found}) == 1

    async def test_the_subject_learns_of_each_vote_and_ends_with_the_last(self, room: Room) -> None:
        test_id = await room.case.begin(2)
        one, two, late = await room.listeners(test_id, 3)
        await room.vote(one)
        assert await room.known(test_id) == (1, 0)
        pair, late_pair = await room.hear(two), await room.hear(late)
        voted = await room.cast(two, pair)
        assert voted.progress == ListenerProgress(1, 0, open=False)
        assert await room.known(test_id) == (2, 1)
        assert (await room.test(test_id)).closes_at is None
        # The same again changes nothing.
        assert (await room.cast(two, pair)).progress == voted.progress
        assert await room.known(test_id) == (2, 1)
        with pytest.raises(WrongState, match="listening test has closed"):
            await room.cast(late, late_pair)

    async def test_the_last_votes_at_once_end_the_subject_once(self, room: Room) -> None:
        test_id = await room.case.begin(3)
        listeners = await room.listeners(test_id, 5)
        pairs = [await room.hear(each) for each in listeners]
        votes = (room.cast(listener, pair) for listener, pair in zip(listeners, pairs, strict=True))
        outcomes = await asyncio.gather(*votes, return_exceptions=True)
        assert sum(isinstance(outcome, Voted) for outcome in outcomes) == 3
        assert sum(isinstance(outcome, WrongState) for outcome in outcomes) == 2
        assert await room.known(test_id) == (3, 1)

    async def test_a_vote_that_is_left_out_counts_for_nothing(self, room: Room) -> None:
        test_id = await room.case.begin(2)
        invitation = await room.case.invite(test_id)
        same = [await room.join(test_id, invitation, b"here", most=1) for _ in range(3)]
        await room.vote(*same)
        assert await room.known(test_id) == (1, 0)
        async with room.database.reading() as connection:
            assert [vote.counts for vote in await room.votes.of_test(connection, test_id)] == [True, False, False]

    async def test_what_is_counted_in_a_transaction_that_fails_was_never_counted(self, room: Room) -> None:
        test_id = await room.case.begin(1)
        (listener,) = await room.listeners(test_id, 1)
        pair = await room.hear(listener)

        async def count_and_fail() -> None:
            async with room.held(test_id) as connection:
                await room.votes.add(connection, pair, A, room.clock())
                (vote,) = await room.votes.of_test(connection, test_id)
                await room.case.subject.counted(connection, vote, 1, 1)
                assert await room.case.ends(connection, test_id) == 1
                raise ConnectionError

        with pytest.raises(ConnectionError):
            await count_and_fail()
        assert await room.known(test_id) == (0, 0)
        await room.cast(listener, pair)
        assert await room.known(test_id) == (1, 1)

    async def test_the_subject_ends_once_when_time_is_over(self, room: Room) -> None:
        test_id = await room.case.begin(2)
        one, two = await room.listeners(test_id, 2)
        await room.vote(one)
        pair = await room.hear(two)
        closes_at = (await room.test(test_id)).closes_at
        assert closes_at is not None
        room.clock.at = closes_at - timedelta(seconds=1)
        assert await room.closing.overdue() == 0
        room.clock.at = closes_at
        # Late, though nobody has looked yet.
        with pytest.raises(WrongState, match="listening test has closed"):
            await room.cast(two, pair)
        assert sorted(await asyncio.gather(room.closing.overdue(), room.closing.overdue())) == [0, 1]
        assert await room.known(test_id) == (1, 1)

    async def test_a_test_is_closed_by_hand_once(self, room: Room) -> None:
        test_id = await room.case.begin(2)
        for closed in (True, False):
            async with room.held(test_id) as connection:
                assert await room.closing.close(connection, test_id) is closed
        assert await room.known(test_id) == (0, 1)
        assert await room.closing.overdue() == 0

    async def test_a_suspended_test_takes_no_votes_and_keeps_those_that_there_are(self, room: Room) -> None:
        test_id = await room.case.begin(2)
        one, two = await room.listeners(test_id, 2)
        await room.vote(one)
        pair, test = await room.hear(two), await room.test(test_id)
        async with room.held(test_id) as connection:
            assert await room.store.suspend(connection, test_id)
        with pytest.raises(WrongState, match="listening test has closed"):
            await room.cast(two, pair)
        assert (await room.comparing.next_pair(test_id, two.id)).progress == ListenerProgress(0, 0, open=False)
        room.clock.at = test.closes_at or NOON
        assert await room.closing.overdue() == 0
        room.clock.at = NOON + timedelta(hours=1)
        async with room.held(test_id) as connection:
            await room.store.open(connection, test, await room.store.pairs(connection, test_id))
        await room.cast(two, pair, B)
        assert await room.known(test_id) == (2, 1)

    async def test_who_may_not_hear_neither_hears_nor_votes(self, room: Room) -> None:
        test_id = await room.case.begin(2)
        invitation = await room.case.invite(test_id)
        listener = await room.join(test_id, invitation)
        (other,) = await room.listeners(test_id, 1)
        pair = await room.hear(listener)
        assert len((await room.clips.find(pair.clip_a)).content) > 44
        await room.case.end_invitation(invitation)
        for refused in (room.clips.find(pair.clip_a), room.cast(listener, pair)):
            with pytest.raises(Unauthenticated, match="has ended"):
                await refused
        assert await room.known(test_id) == (0, 0)
        await room.vote(other)
        assert await room.known(test_id) == (1, 0)

    async def test_audio_that_is_forgotten_is_not_heard(self, room: Room) -> None:
        test_id = await room.case.begin(2)
        (listener,) = await room.listeners(test_id, 1)
        pair = await room.hear(listener)
        await room.clips.find(pair.clip_b)
        async with room.database.transaction() as connection:
            await room.store.forget_audio(connection, [test_id])
        with pytest.raises(NotFound):
            await room.clips.find(pair.clip_b)

    async def test_a_subject_that_is_removed_leaves_nothing(self, room: Room) -> None:
        test_id, other = await room.case.begin(2), await room.case.begin(1)
        (listener,), (stays,) = await room.listeners(test_id, 1), await room.listeners(other, 1)
        await room.vote(listener)
        async with room.held(test_id) as connection:
            await room.case.remove(connection, test_id)
        async with room.database.transaction() as connection:
            assert not await room.case.subject.lock(connection, test_id)
            left: Sequence[object] = [
                *await room.votes.of_test(connection, test_id),
                *await room.store.pairs(connection, test_id),
                *await room.store.assignments(connection, test_id, listener.id),
            ]
            assert left == []
        with pytest.raises(Unauthenticated):
            await room.join(test_id, listener.invitation_id)
        await room.vote(stays)
        assert await room.known(other) == (1, 1)


def _fields(listener: Listener) -> dict[str, Any]:
    return {name: getattr(listener, name) for name in Listener.__dataclass_fields__}
