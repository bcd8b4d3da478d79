"""Every query of listening."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
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
    preferred,
)
from services.experiments.listening.tables import (
    ASSIGNMENT_COLUMNS,
    ASSIGNMENTS,
    LINK_COLUMNS,
    LINKS,
    LISTENER_COLUMNS,
    LISTENERS,
    PAIR_COLUMNS,
    PAIRS,
    VOTES,
    WITH_ANSWERS,
    assignment_from,
    assignment_values,
    link_from,
    listener_from,
    pair_from,
    pair_values,
)
from services.experiments.tables import EXPERIMENTS
from services.experiments.verdict import Vote
from services.runtime.request_ids import Earlier

MAX_SENT_PIECES = 100
"""Pieces of a clip with holes between them, up to which what has gone out is kept."""

_E, _L, _P, _A, _V = EXPERIMENTS.c, LINKS.c, PAIRS.c, ASSIGNMENTS.c, VOTES.c


class ListeningStore(Protocol):
    """What listening asks of the database. Each method works in the connection's transaction, if it has one."""

    async def add_link(
        self, connection: AsyncConnection, link: Link, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        """Adds a link; False if this request has made one for the experiment before."""

    async def link_of_request(
        self, connection: AsyncConnection, experiment_id: str, request_id: str
    ) -> Earlier[Link] | None:
        """Returns the link that a request made before."""

    async def link(self, connection: AsyncConnection, link_id: str) -> Link | None:
        """Returns a link."""

    async def links(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Link]:
        """Returns an experiment's links, newest first."""

    async def revoke_link(self, connection: AsyncConnection, link_id: str, at: datetime) -> Link | None:
        """Revokes a link unless it was revoked before, and returns it."""

    async def add_listener(self, connection: AsyncConnection, listener: Listener, most: int) -> bool:
        """Adds a listener and counts it at its link; False if the link has as many as it may have."""

    async def listener(self, connection: AsyncConnection, listener_id: str) -> Listener | None:
        """Returns a listener."""

    async def put_pairs(self, connection: AsyncConnection, experiment_id: str, pairs: Collection[Pair]) -> None:
        """Makes these the pairs that can be heard. All that there are keep their votes, the others have no trials."""

    async def pairs(self, connection: AsyncConnection, experiment_id: str) -> Sequence[Pair]:
        """Returns an experiment's pairs, by prompt and models."""

    async def held(self, connection: AsyncConnection, experiment_id: str, since: datetime) -> Mapping[PairKey, int]:
        """Returns how many unanswered assignments that were shown after `since` each pair has, where it has any."""

    async def add_assignment(self, connection: AsyncConnection, assignment: Assignment) -> None:
        """Gives a pair to a listener."""

    async def show_again(self, connection: AsyncConnection, assignment_id: str, at: datetime) -> None:
        """Notes that a listener was given their pair again."""

    async def assignments(self, connection: AsyncConnection, listener_id: str) -> Sequence[Assignment]:
        """Returns what a listener was given, in that order."""

    async def assignment_of_clip(self, connection: AsyncConnection, clip: str) -> Assignment | None:
        """Returns the assignment that a clip is of."""

    async def add_sent(
        self,
        connection: AsyncConnection,
        assignment_id: str,
        side: Side,
        sent: tuple[int, int],
        size: int,
        at: datetime,
    ) -> None:
        """Adds bytes, from a position to another one, to what has gone out of a clip of some size, unless all has.

        When they cover all of it, this is the moment at which it had gone out.
        """

    async def add_vote(
        self, connection: AsyncConnection, assignment: Assignment, answer: ListenerAnswer, at: datetime
    ) -> None:
        """Adds a vote and counts it at its pair and link."""

    async def votes(self, connection: AsyncConnection, experiment_id: str) -> Sequence[Vote]:
        """Returns an experiment's votes in the order in which they were cast."""

    async def overdue(self, connection: AsyncConnection, at: datetime, limit: int) -> Sequence[str]:
        """Returns running experiments whose time for listening is over, the longest overdue first."""


class SqlListeningStore:
    """The store over PostgreSQL."""

    async def add_link(
        self, connection: AsyncConnection, link: Link, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        values = {column.name: getattr(link, column.name) for column in LINK_COLUMNS}
        result = await connection.execute(
            insert(LINKS)
            .values(**values, request_id=request_id or None, request_fingerprint=fingerprint if request_id else None)
            .on_conflict_do_nothing(constraint="listening_links_request")
            .returning(_L.id)
        )
        return result.first() is not None

    async def link_of_request(
        self, connection: AsyncConnection, experiment_id: str, request_id: str
    ) -> Earlier[Link] | None:
        query = sa.select(*LINK_COLUMNS, _L.request_fingerprint)
        query = query.where(_L.experiment_id == experiment_id, _L.request_id == request_id)
        row = (await connection.execute(query)).one_or_none()
        return Earlier(link_from(row[:-1]), row[-1], row.created_at) if row else None

    async def link(self, connection: AsyncConnection, link_id: str) -> Link | None:
        row = (await connection.execute(sa.select(*LINK_COLUMNS).where(_L.id == link_id))).one_or_none()
        return link_from(row) if row else None

    async def links(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[Link]:
        query = sa.select(*LINK_COLUMNS).where(_L.experiment_id == experiment_id)
        if after is not None:
            query = query.where(sa.tuple_(_L.created_at, _L.id) < sa.tuple_(*after))
        query = query.order_by(_L.created_at.desc(), _L.id.desc()).limit(limit)
        return [link_from(row) for row in await connection.execute(query)]

    async def revoke_link(self, connection: AsyncConnection, link_id: str, at: datetime) -> Link | None:
        values = {_L.revoked_at: sa.func.coalesce(_L.revoked_at, at)}
        change = sa.update(LINKS).where(_L.id == link_id).values(values).returning(*LINK_COLUMNS)
        row = (await connection.execute(change)).one_or_none()
        return link_from(row) if row else None

    async def add_listener(self, connection: AsyncConnection, listener: Listener, most: int) -> bool:
        # What the new row refers to is locked before its link is, in the order in which who votes locks them.
        its_experiment = sa.select(_E.id).where(_E.id == listener.experiment_id)
        await connection.execute(its_experiment.with_for_update(read=True, key_share=True))
        counted = await connection.execute(
            sa.update(LINKS)
            .where(_L.id == listener.link_id, _L.listeners < most)
            .values({_L.listeners: _L.listeners + 1})
            .returning(_L.id)
        )
        if counted.first() is None:
            return False
        values = {column.name: getattr(listener, column.name) for column in LISTENER_COLUMNS}
        await connection.execute(sa.insert(LISTENERS).values(**values))
        return True

    async def listener(self, connection: AsyncConnection, listener_id: str) -> Listener | None:
        query = sa.select(*LISTENER_COLUMNS).where(LISTENERS.c.id == listener_id)
        row = (await connection.execute(query)).one_or_none()
        return listener_from(row) if row else None

    async def put_pairs(self, connection: AsyncConnection, experiment_id: str, pairs: Collection[Pair]) -> None:
        silent = sa.update(PAIRS).where(_P.experiment_id == experiment_id)
        await connection.execute(silent.values({_P.first_trials: [], _P.second_trials: []}))
        if not pairs:
            return
        adding = insert(PAIRS).values([pair_values(experiment_id, pair) for pair in pairs])
        new = {name: adding.excluded[name] for name in ("first_trials", "second_trials", "target_lufs")}
        await connection.execute(adding.on_conflict_do_update(constraint="listening_pairs_pkey", set_=new))

    async def pairs(self, connection: AsyncConnection, experiment_id: str) -> Sequence[Pair]:
        query = sa.select(*PAIR_COLUMNS).where(_P.experiment_id == experiment_id)
        query = query.order_by(_P.prompt_index, _P.first, _P.second)
        return [pair_from(row) for row in await connection.execute(query)]

    async def held(self, connection: AsyncConnection, experiment_id: str, since: datetime) -> Mapping[PairKey, int]:
        key = (_A.prompt_index, _A.first, _A.second)
        query = (
            sa.select(*key, sa.func.count())
            .select_from(WITH_ANSWERS)
            .where(_A.experiment_id == experiment_id, _A.shown_at > since, _V.answer.is_(None))
            .group_by(*key)
        )
        return {PairKey(*key): count for *key, count in await connection.execute(query)}

    async def add_assignment(self, connection: AsyncConnection, assignment: Assignment) -> None:
        await connection.execute(sa.insert(ASSIGNMENTS).values(**assignment_values(assignment)))

    async def show_again(self, connection: AsyncConnection, assignment_id: str, at: datetime) -> None:
        await connection.execute(sa.update(ASSIGNMENTS).where(_A.id == assignment_id).values(shown_at=at))

    async def assignments(self, connection: AsyncConnection, listener_id: str) -> Sequence[Assignment]:
        query = sa.select(*ASSIGNMENT_COLUMNS).select_from(WITH_ANSWERS).where(_A.listener_id == listener_id)
        return [assignment_from(row) for row in await connection.execute(query.order_by(_A.id))]

    async def assignment_of_clip(self, connection: AsyncConnection, clip: str) -> Assignment | None:
        query = sa.select(*ASSIGNMENT_COLUMNS).select_from(WITH_ANSWERS)
        query = query.where(sa.or_(_A.clip_a == clip, _A.clip_b == clip))
        row = (await connection.execute(query)).one_or_none()
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
        # A player asks for a handful of ranges; what comes in thousands of pieces is not kept.
        few = sa.select(sa.func.count() <= MAX_SENT_PIECES).select_from(sa.func.unnest(covered)).scalar_subquery()
        change = sa.update(ASSIGNMENTS).where(_A.id == assignment_id, sent_at.is_(None), few)
        await connection.execute(
            change.values({before: covered, sent_at: sa.case((covered.op("@>")(whole), at), else_=None)})
        )

    async def add_vote(
        self, connection: AsyncConnection, assignment: Assignment, answer: ListenerAnswer, at: datetime
    ) -> None:
        key, experiment_id = assignment.key, assignment.experiment_id
        await connection.execute(
            sa.insert(VOTES).values(
                assignment_id=assignment.id,
                experiment_id=experiment_id,
                listener_id=assignment.listener_id,
                prompt_index=key.prompt_index,
                first=key.first,
                second=key.second,
                swapped=assignment.swapped,
                answer=answer,
                cast_at=at,
            )
        )
        its_pair = (
            _P.experiment_id == experiment_id,
            _P.prompt_index == key.prompt_index,
            _P.first == key.first,
            _P.second == key.second,
        )
        await connection.execute(sa.update(PAIRS).where(*its_pair).values({_P.votes: _P.votes + 1}))
        await connection.execute(sa.update(LINKS).where(_L.id == assignment.link_id).values({_L.votes: _L.votes + 1}))

    async def votes(self, connection: AsyncConnection, experiment_id: str) -> Sequence[Vote]:
        columns = (_V.listener_id, _V.prompt_index, _V.first, _V.second, _V.swapped, _V.answer)
        query = sa.select(*columns).where(_V.experiment_id == experiment_id).order_by(_V.seq)
        return [
            Vote(listener, prompt_index, first, second, preferred(ListenerAnswer(answer), swapped))
            for listener, prompt_index, first, second, swapped, answer in await connection.execute(query)
        ]

    async def overdue(self, connection: AsyncConnection, at: datetime, limit: int) -> Sequence[str]:
        query = (
            sa.select(_E.id)
            .where(_E.status == ExperimentStatus.RUNNING, _E.listening_until <= at)
            .order_by(_E.listening_until)
            .limit(limit)
        )
        return list((await connection.execute(query)).scalars())
