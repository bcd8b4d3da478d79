"""All queries about tests, pairs, listeners and assignments."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.statements import Statement, together
from services.shared.listening.domain import Assignment, Listener, ListeningTest, Pair, PairKey, Side
from services.shared.listening.tables import (
    ASSIGNMENT_COLUMNS,
    ASSIGNMENT_VALUES,
    ASSIGNMENTS,
    LISTENER_COLUMNS,
    LISTENERS,
    PAIR_COLUMNS,
    PAIRS,
    TESTS,
    VOTES,
    WITH_ANSWERS,
    assignment_from,
    assignment_values,
    listener_from,
    pair_from,
    pair_values,
)

MAX_SENT_PIECES = 100
"""The number of separate ranges of one clip that are stored. A player asks for a few; more are not recorded."""

_T, _L, _P, _A, _V = TESTS.c, LISTENERS.c, PAIRS.c, ASSIGNMENTS.c, VOTES.c

# Every pair that is given to a listener and every vote needs these.
_TEST, _LISTENER = sa.bindparam("of_test", type_=sa.Text), sa.bindparam("of_listener", type_=sa.Text)
_FIND_TEST = Statement(sa.select(_T.id, _T.votes_per_pair, _T.closes_at).where(_T.id == _TEST))
_SUSPEND = Statement(
    sa.update(TESTS).where(_T.id == _TEST, _T.closes_at.is_not(None)).values(closes_at=sa.null()).returning(_T.id)
)
_FIND_PAIRS = Statement(
    sa.select(*PAIR_COLUMNS).where(_P.test_id == _TEST).order_by(_P.text_index, _P.first, _P.second)
)
_FIND_LISTENER = Statement(sa.select(*LISTENER_COLUMNS).where(_L.test_id == _TEST, _L.id == _LISTENER))
_FIND_ASSIGNMENTS = Statement(
    sa.select(*ASSIGNMENT_COLUMNS)
    .select_from(WITH_ANSWERS)
    .where(_A.test_id == _TEST, _A.listener_id == _LISTENER)
    .order_by(_A.id)
)
_FIND_GIVEN = Statement(
    sa.select(*LISTENER_COLUMNS, _T.id, _T.votes_per_pair, _T.closes_at, *ASSIGNMENT_COLUMNS)
    .select_from(
        LISTENERS.outerjoin(TESTS, _T.id == _L.test_id).outerjoin(
            WITH_ANSWERS, sa.and_(_A.test_id == _L.test_id, _A.listener_id == _L.id)
        )
    )
    .where(_L.test_id == _TEST, _L.id == _LISTENER)
    .order_by(_A.id)
)
_INVITED = sa.and_(_L.test_id == _TEST, _L.invitation_id == sa.bindparam("of_invitation", type_=sa.Text))
_KNOWN = Statement(sa.select(*LISTENER_COLUMNS).where(_INVITED, _L.voter_id == sa.bindparam("of_voter", type_=sa.Text)))
_COUNT_JOINED = Statement(
    sa.select(
        sa.func.count().label("joined"),
        sa.func.count().filter(_L.address == sa.bindparam("at_address", type_=sa.LargeBinary)).label("at_address"),
    ).where(_INVITED)
)
_ADD_LISTENER = Statement(sa.insert(LISTENERS), *(column.name for column in LISTENER_COLUMNS))
_ADD_ASSIGNMENT = Statement(sa.insert(ASSIGNMENTS), *ASSIGNMENT_VALUES)
_FIND_OF_CLIP = Statement(
    sa.select(*ASSIGNMENT_COLUMNS)
    .select_from(WITH_ANSWERS)
    .where(sa.or_(*(column == sa.bindparam("clip", type_=sa.Text) for column in (_A.clip_a, _A.clip_b))))
)


class ListeningStore(Protocol):
    """The storage of listening tests. Each method runs in the transaction of `connection`, if it has one.

    A service that owns a subject calls `open`, `suspend` and `remove` while it holds the lock of the subject.
    """

    async def open(self, connection: AsyncConnection, test: ListeningTest, pairs: Collection[Pair]) -> Sequence[Pair]:
        """Opens a test with these pairs, and returns all pairs of the test.

        A test that is opened again keeps its votes. Its earlier pairs that are not in `pairs` lose their audio, so they
        need no more votes.
        """

    async def test(self, connection: AsyncConnection, test_id: str) -> ListeningTest | None:
        """Returns a test, None if it was never opened."""

    async def suspend(self, connection: AsyncConnection, test_id: str) -> bool:
        """Closes a test until it is opened again, and keeps its votes. Returns False if it was not open."""

    async def close(self, connection: AsyncConnection, test_id: str) -> None:
        """Closes a test as `suspend` does, together with the next statement."""

    async def forget_audio(self, connection: AsyncConnection, test_ids: Collection[str]) -> None:
        """Removes the names of the stored audio from tests. None of their pairs and clips can be heard afterwards."""

    async def remove(self, connection: AsyncConnection, test_id: str) -> None:
        """Deletes a test with its pairs, listeners and votes."""

    async def overdue(self, connection: AsyncConnection, at: datetime, limit: int) -> Sequence[str]:
        """Returns open tests whose closing time has passed, the longest overdue first."""

    async def pairs(self, connection: AsyncConnection, test_id: str) -> Sequence[Pair]:
        """Returns the pairs of a test, ordered by text and candidates."""

    async def add_listener(
        self, connection: AsyncConnection, listener: Listener, max_listeners: int, max_from_address: int
    ) -> Listener | None:
        """Adds a listener and returns it. A session that already joined by the invitation gets its existing listener.

        Returns None if `max_listeners` listeners have joined by the invitation, or `max_from_address` of them from this
        address. The listener is added with the next statement. The caller must have locked the subject.
        """

    async def listener(self, connection: AsyncConnection, test_id: str, listener_id: str) -> Listener | None:
        """Returns a listener of a test, None if there is none."""

    async def pending_assignments(
        self, connection: AsyncConnection, test_id: str, since: datetime
    ) -> Mapping[PairKey, int]:
        """Returns for each pair the number of unanswered assignments shown after `since`, if it is not 0."""

    async def add_assignment(self, connection: AsyncConnection, assignment: Assignment) -> None:
        """Adds an assignment, which gives a pair to a listener, with the next statement of the transaction."""

    async def show_again(self, connection: AsyncConnection, assignment_id: str, at: datetime) -> None:
        """Records that a listener received their pair again."""

    async def assignments(self, connection: AsyncConnection, test_id: str, listener_id: str) -> Sequence[Assignment]:
        """Returns the assignments of a listener, the oldest first."""

    async def given(
        self, connection: AsyncConnection, test_id: str, listener_id: str
    ) -> tuple[Listener, ListeningTest | None, Sequence[Assignment]] | None:
        """Returns a listener, their test, and their assignments, the oldest first. None if there is no such listener.

        The test is None if it was never opened.
        """

    async def assignment_of_clip(self, connection: AsyncConnection, clip: str) -> Assignment | None:
        """Returns the assignment that a clip belongs to, None if there is none."""

    async def add_sent(
        self,
        connection: AsyncConnection,
        assignment_id: str,
        side: Side,
        sent: tuple[int, int],
        size: int,
        at: datetime,
    ) -> None:
        """Adds the bytes `sent` (start, exclusive end) to those sent before of a clip of `size` bytes.

        Once the ranges cover the whole clip, `at` becomes the time at which it was sent. Later calls change nothing.
        """


class SqlListeningStore:
    """The store over PostgreSQL."""

    async def open(self, connection: AsyncConnection, test: ListeningTest, pairs: Collection[Pair]) -> Sequence[Pair]:
        values = {"votes_per_pair": test.votes_per_pair, "closes_at": test.closes_at}
        opening = insert(TESTS).values(id=test.id, **values)
        await connection.execute(opening.on_conflict_do_update(index_elements=[_T.id], set_=values))
        without_audio = sa.update(PAIRS).where(_P.test_id == test.id)
        await connection.execute(without_audio.values({_P.first_speech: [], _P.second_speech: []}))
        if pairs:
            adding = insert(PAIRS).values([pair_values(test.id, pair) for pair in pairs])
            new = {name: adding.excluded[name] for name in ("text", "first_speech", "second_speech", "target_lufs")}
            await connection.execute(adding.on_conflict_do_update(constraint="listening_pairs_pkey", set_=new))
        return await self.pairs(connection, test.id)

    async def test(self, connection: AsyncConnection, test_id: str) -> ListeningTest | None:
        row = (await _FIND_TEST.execute(connection, of_test=test_id)).one_or_none()
        return ListeningTest(*row) if row else None

    async def suspend(self, connection: AsyncConnection, test_id: str) -> bool:
        return len(await _SUSPEND.execute(connection, of_test=test_id)) > 0

    async def close(self, connection: AsyncConnection, test_id: str) -> None:
        await _SUSPEND.later(connection, of_test=test_id)

    async def forget_audio(self, connection: AsyncConnection, test_ids: Collection[str]) -> None:
        without_audio: dict[sa.ColumnElement[object], object] = {_P.first_speech: [], _P.second_speech: []}
        await connection.execute(sa.update(PAIRS).where(_P.test_id.in_(test_ids)).values(without_audio))
        given = sa.update(ASSIGNMENTS).where(_A.test_id.in_(test_ids))
        await connection.execute(given.values(first_audio=None, second_audio=None))

    async def remove(self, connection: AsyncConnection, test_id: str) -> None:
        # Pairs go with the test; assignments, votes and their states go with the listeners.
        await connection.execute(sa.delete(LISTENERS).where(_L.test_id == test_id))
        await connection.execute(sa.delete(TESTS).where(_T.id == test_id))

    async def overdue(self, connection: AsyncConnection, at: datetime, limit: int) -> Sequence[str]:
        query = sa.select(_T.id).where(_T.closes_at <= at).order_by(_T.closes_at).limit(limit)
        return list((await connection.execute(query)).scalars())

    async def pairs(self, connection: AsyncConnection, test_id: str) -> Sequence[Pair]:
        return [pair_from(row) for row in await _FIND_PAIRS.execute(connection, of_test=test_id)]

    async def add_listener(
        self, connection: AsyncConnection, listener: Listener, max_listeners: int, max_from_address: int
    ) -> Listener | None:
        invited = {"of_test": listener.test_id, "of_invitation": listener.invitation_id}
        known, counted = await together(
            connection,
            _KNOWN.of(**invited, of_voter=listener.voter_id),
            _COUNT_JOINED.of(**invited, at_address=listener.address),
        )
        # A listener without a session is never known: in SQL, null equals nothing.
        if row := known.one_or_none():
            return listener_from(row)
        joined, at_address = counted.one()
        if joined >= max_listeners or (listener.address is not None and at_address >= max_from_address):
            return None
        await _ADD_LISTENER.later(connection, **dataclasses.asdict(listener))
        return listener

    async def listener(self, connection: AsyncConnection, test_id: str, listener_id: str) -> Listener | None:
        found = await _FIND_LISTENER.execute(connection, of_test=test_id, of_listener=listener_id)
        row = found.one_or_none()
        return listener_from(row) if row else None

    async def pending_assignments(
        self, connection: AsyncConnection, test_id: str, since: datetime
    ) -> Mapping[PairKey, int]:
        key = (_A.text_index, _A.first, _A.second)
        query = (
            sa.select(*key, sa.func.count())
            .select_from(WITH_ANSWERS)
            .where(_A.test_id == test_id, _A.shown_at > since, _V.answer.is_(None))
            .group_by(*key)
        )
        return {PairKey(*key): count for *key, count in await connection.execute(query)}

    async def add_assignment(self, connection: AsyncConnection, assignment: Assignment) -> None:
        await _ADD_ASSIGNMENT.later(connection, **assignment_values(assignment))

    async def show_again(self, connection: AsyncConnection, assignment_id: str, at: datetime) -> None:
        await connection.execute(sa.update(ASSIGNMENTS).where(_A.id == assignment_id).values(shown_at=at))

    async def assignments(self, connection: AsyncConnection, test_id: str, listener_id: str) -> Sequence[Assignment]:
        found = await _FIND_ASSIGNMENTS.execute(connection, of_test=test_id, of_listener=listener_id)
        return [assignment_from(row) for row in found]

    async def given(
        self, connection: AsyncConnection, test_id: str, listener_id: str
    ) -> tuple[Listener, ListeningTest | None, Sequence[Assignment]] | None:
        rows = list(await _FIND_GIVEN.execute(connection, of_test=test_id, of_listener=listener_id))
        if not rows:
            return None
        width = len(LISTENER_COLUMNS)
        test = rows[0][width : width + 3]
        return (
            listener_from(rows[0][:width]),
            ListeningTest(*test) if test[0] is not None else None,
            # Without assignments there is one row.
            [assignment_from(row[width + 3 :]) for row in rows if row[width + 3] is not None],
        )

    async def assignment_of_clip(self, connection: AsyncConnection, clip: str) -> Assignment | None:
        row = (await _FIND_OF_CLIP.execute(connection, clip=clip)).one_or_none()
        return assignment_from(row) if row else None

    async def add_sent(
        self,
        connection: AsyncConnection,
        assignment_id: str,
        side: Side,
        sent: tuple[int, int],
        size: int,
        at: datetime,
    ) -> None:
        sent_at, before = (_A.a_sent_at, _A.a_sent) if side is Side.A else (_A.b_sent_at, _A.b_sent)
        covered = before.op("+")(sa.func.int4multirange(sa.func.int4range(*sent)))
        whole = sa.func.int4multirange(sa.func.int4range(0, size))
        few = sa.select(sa.func.count() <= MAX_SENT_PIECES).select_from(sa.func.unnest(covered)).scalar_subquery()
        change = sa.update(ASSIGNMENTS).where(_A.id == assignment_id, sent_at.is_(None), few)
        await connection.execute(
            change.values({before: covered, sent_at: sa.case((covered.op("@>")(whole), at), else_=None)})
        )
