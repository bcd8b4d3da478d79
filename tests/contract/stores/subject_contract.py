"""The suite that every subject of listening tests must pass.

To run it for a subject, subclass `SubjectContract` or `RemovableSubjectContract` with a fixture `case`.
"""

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
from services.shared.listening.clip_transfers import ClipTransfers, SentRange
from services.shared.listening.clips import Clips
from services.shared.listening.closing import Closing
from services.shared.listening.comparing import Comparing, Voted
from services.shared.listening.domain import Assignment, Listener, ListenerAnswer, ListenerProgress, ListeningTest
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
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


class SubjectCase(Protocol):
    """An implementation of Subject over a database, with the methods that the suite needs."""

    database: Database
    subject: Subject[Any]

    async def begin(self, votes_per_pair: int) -> str:
        """Adds a subject with two candidates and one text, opens its test as the service does, and returns its id."""

    async def invite(self, test_id: str) -> str:
        """Returns a new invitation."""

    async def received(self, connection: AsyncConnection, test_id: str) -> int:
        """Returns how many votes the subject has counted."""

    async def ends(self, connection: AsyncConnection, test_id: str) -> int:
        """Returns how often the subject has ended."""


class RemovableCase(SubjectCase, Protocol):
    """An implementation whose subjects can be deleted, and whose invitations can end."""

    async def end_invitation(self, invitation_id: str) -> None:
        """Ends an invitation, so that its listeners may not hear clips or vote."""

    async def remove(self, connection: AsyncConnection, test_id: str) -> None:
        """Deletes a subject and its test as the service does."""


def stores(database: Database) -> tuple[ListeningStore, VoteStore]:
    """Returns the stores over a database."""
    if isinstance(database, MemoryDatabase):
        return MemoryListeningStore(), MemoryVoteStore()
    return SqlListeningStore(), SqlVoteStore()


class Harness:
    """The use cases of listening tests over a subject, with shortcuts for the suite."""

    def __init__(self, case: SubjectCase, clock: Clock) -> None:
        self.case, self.database, self.clock = case, case.database, clock
        self.store, self.votes = stores(self.database)
        self.comparing = Comparing(self.database, self.store, self.votes, case.subject, clock)
        self.closing = Closing(self.database, self.store, case.subject, clock)
        self.clip_transfers = ClipTransfers(self.database, self.store, clock)
        self.clips = Clips(self.database, self.store, case.subject, self, "a secret of sixteen")

    async def get(self, name: str) -> bytes:
        """Returns the audio of every candidate. It makes this object an audio store."""
        return write_wav(tone(1.0).tobytes(), 24_000)

    async def join(
        self, test_id: str, invitation_id: str, address: bytes | None = None, max_per_address: int = 3
    ) -> Listener:
        listener = Listener(
            id=new_id("lsn"),
            test_id=test_id,
            invitation_id=invitation_id,
            max_listeners_per_address=max_per_address,
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
        """Gets the listener's pair and lets enough time pass to hear it."""
        pair = (await self.comparing.next_pair(listener.test_id, listener.id)).assignment
        assert pair is not None
        for clip in (pair.clip_a, pair.clip_b):
            await self.clip_transfers.record(SentRange(clip, 0, 100, 100), self.clock())
        self.clock.at += timedelta(seconds=pair.seconds + 1)
        return pair

    async def cast(self, listener: Listener, pair: Assignment, answer: ListenerAnswer = A) -> Voted[Any]:
        return await self.comparing.vote(listener.test_id, listener.id, pair.id, answer, listener.address)

    async def vote(self, *listeners: Listener) -> None:
        for listener in listeners:
            await self.cast(listener, await self.hear(listener))

    async def known(self, test_id: str) -> tuple[int, int]:
        """Returns how many votes the subject has counted, and how often it has ended."""
        async with self.database.transaction() as connection:
            return await self.case.received(connection, test_id), await self.case.ends(connection, test_id)

    async def test(self, test_id: str) -> ListeningTest:
        async with self.database.reading() as connection:
            found = await self.store.test(connection, test_id)
        assert found is not None
        return found

    @asynccontextmanager
    async def held(self, test_id: str) -> AsyncIterator[AsyncConnection]:
        """Opens a transaction that holds the lock of a subject."""
        async with self.database.transaction() as connection:
            assert await self.case.subject.lock(connection, test_id)
            yield connection

    async def wait_for_lock(self) -> None:
        """Waits until a transaction waits for a row that another one has locked."""
        async with asyncio.timeout(10), self.database.reading() as connection:
            while not (await connection.execute(WAITING)).scalar():
                continue


class SubjectContract:
    """The suite for one implementation of Subject."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def harness(self, case: SubjectCase, clock: Clock) -> Harness:
        return Harness(case, clock)

    async def test_only_an_existing_subject_can_be_locked(self, harness: Harness) -> None:
        test_id = await harness.case.begin(1)
        async with harness.database.transaction() as connection:
            assert await harness.case.subject.lock(connection, test_id)
            assert not await harness.case.subject.lock(connection, "exp_" + "0" * 32)

    async def test_joining_and_voting_wait_for_the_lock_of_the_subject(self, harness: Harness) -> None:
        if isinstance(harness.database, MemoryDatabase):
            pytest.skip("transactions in memory run one after another")
        test_id = await harness.case.begin(2)
        invitation = await harness.case.invite(test_id)
        listener = await harness.join(test_id, invitation)
        pair = await harness.hear(listener)
        for act in (lambda: harness.join(test_id, invitation), lambda: harness.cast(listener, pair)):
            async with harness.held(test_id):
                acting = asyncio.create_task(act())
                await harness.wait_for_lock()
                assert not acting.done()
            await acting

    async def test_a_session_that_joins_several_times_at_once_is_one_listener(self, harness: Harness) -> None:
        test_id = await harness.case.begin(2)
        invitation = await harness.case.invite(test_id)
        same = Listener(
            id="", test_id=test_id, invitation_id=invitation, max_listeners_per_address=3, created_at=NOON, voter_id="u"
        )
        each = [Listener(**{**_fields(same), "id": f"lsn_{number}"}) for number in range(5)]
        joined = await asyncio.gather(*(harness.comparing.join(one, 99) for one in each))
        assert len({found[0].id for found in joined if found}) == 1

    async def test_the_subject_counts_each_vote_and_ends_with_the_last(self, harness: Harness) -> None:
        test_id = await harness.case.begin(2)
        one, two, late = await harness.listeners(test_id, 3)
        await harness.vote(one)
        assert await harness.known(test_id) == (1, 0)
        pair, late_pair = await harness.hear(two), await harness.hear(late)
        voted = await harness.cast(two, pair)
        assert voted.progress == ListenerProgress(1, 0, open=False)
        assert await harness.known(test_id) == (2, 1)
        assert (await harness.test(test_id)).closes_at is None
        # Repeating the vote changes nothing.
        assert (await harness.cast(two, pair)).progress == voted.progress
        assert await harness.known(test_id) == (2, 1)
        with pytest.raises(WrongState, match="listening test has closed"):
            await harness.cast(late, late_pair)

    async def test_simultaneous_last_votes_end_the_subject_once(self, harness: Harness) -> None:
        test_id = await harness.case.begin(3)
        listeners = await harness.listeners(test_id, 5)
        pairs = [await harness.hear(each) for each in listeners]
        votes = (harness.cast(listener, pair) for listener, pair in zip(listeners, pairs, strict=True))
        outcomes = await asyncio.gather(*votes, return_exceptions=True)
        assert sum(isinstance(outcome, Voted) for outcome in outcomes) == 3
        assert sum(isinstance(outcome, WrongState) for outcome in outcomes) == 2
        assert await harness.known(test_id) == (3, 1)

    async def test_an_excluded_vote_does_not_count(self, harness: Harness) -> None:
        test_id = await harness.case.begin(2)
        invitation = await harness.case.invite(test_id)
        same = [await harness.join(test_id, invitation, b"here", max_per_address=1) for _ in range(3)]
        await harness.vote(*same)
        assert await harness.known(test_id) == (1, 0)
        async with harness.database.reading() as connection:
            assert [vote.counts for vote in await harness.votes.of_test(connection, test_id)] == [True, False, False]

    async def test_a_vote_in_a_failed_transaction_is_not_counted(self, harness: Harness) -> None:
        test_id = await harness.case.begin(1)
        (listener,) = await harness.listeners(test_id, 1)
        pair = await harness.hear(listener)

        async def count_and_fail() -> None:
            async with harness.held(test_id) as connection:
                await harness.votes.add(connection, pair, A, harness.clock())
                (vote,) = await harness.votes.of_test(connection, test_id)
                await harness.case.subject.counted(connection, vote, 1, 1)
                assert await harness.case.ends(connection, test_id) == 1
                raise ConnectionError

        with pytest.raises(ConnectionError):
            await count_and_fail()
        assert await harness.known(test_id) == (0, 0)
        await harness.cast(listener, pair)
        assert await harness.known(test_id) == (1, 1)

    async def test_the_subject_ends_once_when_its_time_is_over(self, harness: Harness) -> None:
        test_id = await harness.case.begin(2)
        one, two = await harness.listeners(test_id, 2)
        await harness.vote(one)
        pair = await harness.hear(two)
        closes_at = (await harness.test(test_id)).closes_at
        assert closes_at is not None
        harness.clock.at = closes_at - timedelta(seconds=1)
        assert await harness.closing.overdue() == 0
        harness.clock.at = closes_at
        # Too late, even though the test was not closed yet.
        with pytest.raises(WrongState, match="listening test has closed"):
            await harness.cast(two, pair)
        assert sorted(await asyncio.gather(harness.closing.overdue(), harness.closing.overdue())) == [0, 1]
        assert await harness.known(test_id) == (1, 1)

    async def test_a_test_is_closed_by_hand_once(self, harness: Harness) -> None:
        test_id = await harness.case.begin(2)
        for closed in (True, False):
            async with harness.held(test_id) as connection:
                assert await harness.closing.close(connection, test_id) is closed
        assert await harness.known(test_id) == (0, 1)
        assert await harness.closing.overdue() == 0

    async def test_a_suspended_test_accepts_no_votes_and_keeps_the_existing_ones(self, harness: Harness) -> None:
        test_id = await harness.case.begin(2)
        one, two = await harness.listeners(test_id, 2)
        await harness.vote(one)
        pair, test = await harness.hear(two), await harness.test(test_id)
        async with harness.held(test_id) as connection:
            assert await harness.store.suspend(connection, test_id)
        with pytest.raises(WrongState, match="listening test has closed"):
            await harness.cast(two, pair)
        assert (await harness.comparing.next_pair(test_id, two.id)).progress == ListenerProgress(0, 0, open=False)
        harness.clock.at = test.closes_at or NOON
        assert await harness.closing.overdue() == 0
        harness.clock.at = NOON + timedelta(hours=1)
        async with harness.held(test_id) as connection:
            await harness.store.open(connection, test, await harness.store.pairs(connection, test_id))
        await harness.cast(two, pair, B)
        assert await harness.known(test_id) == (2, 1)

    async def test_clips_can_not_be_heard_once_their_audio_is_forgotten(self, harness: Harness) -> None:
        test_id = await harness.case.begin(2)
        (listener,) = await harness.listeners(test_id, 1)
        pair = await harness.hear(listener)
        await harness.clips.find(pair.clip_b)
        async with harness.database.transaction() as connection:
            await harness.store.forget_audio(connection, [test_id])
        with pytest.raises(NotFound):
            await harness.clips.find(pair.clip_b)


class RemovableSubjectContract(SubjectContract):
    """The suite for a subject that can be deleted, and whose invitations can end."""

    async def test_a_listener_whose_invitation_has_ended_can_neither_hear_nor_vote(
        self, case: RemovableCase, harness: Harness
    ) -> None:
        test_id = await harness.case.begin(2)
        invitation = await harness.case.invite(test_id)
        listener = await harness.join(test_id, invitation)
        (other,) = await harness.listeners(test_id, 1)
        pair = await harness.hear(listener)
        assert len((await harness.clips.find(pair.clip_a)).content) > 44
        await case.end_invitation(invitation)
        for refused in (harness.clips.find(pair.clip_a), harness.cast(listener, pair)):
            with pytest.raises(Unauthenticated, match="has ended"):
                await refused
        assert await harness.known(test_id) == (0, 0)
        await harness.vote(other)
        assert await harness.known(test_id) == (1, 0)

    async def test_removing_a_subject_removes_its_test_and_votes(self, case: RemovableCase, harness: Harness) -> None:
        test_id, other = await harness.case.begin(2), await harness.case.begin(1)
        (listener,), (stays,) = await harness.listeners(test_id, 1), await harness.listeners(other, 1)
        await harness.vote(listener)
        async with harness.held(test_id) as connection:
            await case.remove(connection, test_id)
        async with harness.database.transaction() as connection:
            assert not await harness.case.subject.lock(connection, test_id)
            left: Sequence[object] = [
                *await harness.votes.of_test(connection, test_id),
                *await harness.store.pairs(connection, test_id),
                *await harness.store.assignments(connection, test_id, listener.id),
            ]
            assert left == []
        with pytest.raises(Unauthenticated):
            await harness.join(test_id, listener.invitation_id)
        await harness.vote(stays)
        assert await harness.known(other) == (1, 1)


def _fields(listener: Listener) -> dict[str, Any]:
    return {name: getattr(listener, name) for name in Listener.__dataclass_fields__}
