"""The suite for a minimal subject of listening tests, which only counts votes in its own schema."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.db import Database
from services.runtime.ids import new_id
from services.shared.listening.domain import CandidateAudio, Listener, ListeningTest, Pair, PairKey
from services.shared.listening.judging import CastVote
from services.shared.listening.subject import Subject
from tests.contract.stores.subject_contract import Clock, Harness, RemovableCase, RemovableSubjectContract, stores
from tests.fakes.memory_database import MemoryDatabase, table

MIGRATIONS = Path(__file__).parent / "small_subject"
PAIR = Pair(
    key=PairKey(0, 0, 1),
    text="Hello.",
    first=[CandidateAudio("one.wav", 1.0)],
    second=[CandidateAudio("two.wav", 1.0), CandidateAudio("three.wav", 1.0)],
    target_lufs=-23.0,
)


class Subjects(Protocol):
    """The storage of subjects: the votes received, and how often each has ended."""

    async def lock(self, connection: AsyncConnection, id_: str) -> tuple[int, int] | None: ...

    async def put(self, connection: AsyncConnection, id_: str, received: int, ends: int) -> None: ...

    async def delete(self, connection: AsyncConnection, id_: str) -> None: ...

    async def end_invitation(self, connection: AsyncConnection, id_: str) -> None: ...

    async def is_invitation_ended(self, connection: AsyncConnection, id_: str) -> bool: ...


class MemorySubjects:
    async def lock(self, connection: AsyncConnection, id_: str) -> tuple[int, int] | None:
        return table(connection, "subjects").get(id_)

    async def put(self, connection: AsyncConnection, id_: str, received: int, ends: int) -> None:
        table(connection, "subjects")[id_] = received, ends

    async def delete(self, connection: AsyncConnection, id_: str) -> None:
        del table(connection, "subjects")[id_]

    async def end_invitation(self, connection: AsyncConnection, id_: str) -> None:
        table(connection, "ended_invitations")[id_] = True

    async def is_invitation_ended(self, connection: AsyncConnection, id_: str) -> bool:
        return id_ in table(connection, "ended_invitations")


class SqlSubjects:
    async def lock(self, connection: AsyncConnection, id_: str) -> tuple[int, int] | None:
        query = sa.text("SELECT received, ends FROM subjects WHERE id = :id FOR UPDATE")
        row = (await connection.execute(query, {"id": id_})).one_or_none()
        return (row.received, row.ends) if row else None

    async def put(self, connection: AsyncConnection, id_: str, received: int, ends: int) -> None:
        change = "ON CONFLICT (id) DO UPDATE SET received = excluded.received, ends = excluded.ends"
        statement = sa.text(f"INSERT INTO subjects VALUES (:id, :received, :ends) {change}")
        await connection.execute(statement, {"id": id_, "received": received, "ends": ends})

    async def delete(self, connection: AsyncConnection, id_: str) -> None:
        await connection.execute(sa.text("DELETE FROM subjects WHERE id = :id"), {"id": id_})

    async def end_invitation(self, connection: AsyncConnection, id_: str) -> None:
        await connection.execute(sa.text("INSERT INTO ended_invitations VALUES (:id)"), {"id": id_})

    async def is_invitation_ended(self, connection: AsyncConnection, id_: str) -> bool:
        query = sa.text("SELECT 1 FROM ended_invitations WHERE id = :id")
        return (await connection.execute(query, {"id": id_})).first() is not None


class SmallSubject:
    """Implements `services.shared.listening.subject.Subject`. Its reply to voters says how many votes were received."""

    def __init__(self, subjects: Subjects) -> None:
        self._subjects = subjects

    async def lock(self, connection: AsyncConnection, test_id: str) -> bool:
        return await self._subjects.lock(connection, test_id) is not None

    async def counted(self, connection: AsyncConnection, vote: CastVote, received: int, needed: int) -> str:
        ends = await self._ends(connection, vote.test_id)
        await self._subjects.put(connection, vote.test_id, received, ends + (received >= needed))
        return f"{vote.preferred}: {received} of {needed}"

    async def ended(self, connection: AsyncConnection, test_id: str) -> None:
        received, ends = await self._subjects.lock(connection, test_id) or (0, 0)
        await self._subjects.put(connection, test_id, received, ends + 1)

    async def may_hear(self, connection: AsyncConnection, listener: Listener) -> bool:
        return not await self._subjects.is_invitation_ended(connection, listener.invitation_id)

    async def _ends(self, connection: AsyncConnection, test_id: str) -> int:
        return (await self._subjects.lock(connection, test_id) or (0, 0))[1]


class SmallCase:
    """Small subjects, each with one pair."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self.subjects: Subjects = MemorySubjects() if isinstance(database, MemoryDatabase) else SqlSubjects()
        self.listening, _ = stores(database)
        self.subject: Subject[str] = SmallSubject(self.subjects)

    async def begin(self, votes_per_pair: int) -> str:
        id_ = new_id("btl")
        async with self.database.transaction() as connection:
            await self.subjects.put(connection, id_, 0, 0)
            test = ListeningTest(id_, votes_per_pair, self.clock() + timedelta(days=1))
            await self.listening.open(connection, test, [PAIR])
        return id_

    async def invite(self, test_id: str) -> str:
        return new_id("inv")

    async def end_invitation(self, invitation_id: str) -> None:
        async with self.database.transaction() as connection:
            await self.subjects.end_invitation(connection, invitation_id)

    async def remove(self, connection: AsyncConnection, test_id: str) -> None:
        await self.listening.remove(connection, test_id)
        await self.subjects.delete(connection, test_id)

    async def received(self, connection: AsyncConnection, test_id: str) -> int:
        return (await self.subjects.lock(connection, test_id) or (0, 0))[0]

    async def ends(self, connection: AsyncConnection, test_id: str) -> int:
        return (await self.subjects.lock(connection, test_id) or (0, 0))[1]


@pytest.fixture
async def small_schema(postgres_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(postgres_url, "small_subject", migrations=MIGRATIONS)
    yield database
    async with database.transaction() as connection:
        await connection.execute(sa.text("DROP SCHEMA small_subject CASCADE"))
    await database.close()


class TestSmallSubject(RemovableSubjectContract):
    """The suite for small subjects."""

    @pytest.fixture(params=["memory", "postgresql"])
    def case(self, request: pytest.FixtureRequest, clock: Clock) -> RemovableCase:
        memory = request.param == "memory"
        return SmallCase(MemoryDatabase("small") if memory else request.getfixturevalue("small_schema"), clock)

    async def test_voters_get_the_reply_of_the_subject(self, harness: Harness) -> None:
        test_id = await harness.case.begin(2)
        (listener,) = await harness.listeners(test_id, 1)
        pair = await harness.hear(listener)
        voted: Any = await harness.cast(listener, pair)
        assert voted.reply == f"{'second' if pair.swapped else 'first'}: 1 of 2"
        assert (await harness.cast(listener, pair)).reply is None
