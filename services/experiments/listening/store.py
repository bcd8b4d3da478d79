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
)
from services.experiments.listening.judging import CastVote, Judgement
from services.experiments.listening.tables import (
    ASSIGNMENT_COLUMNS,
    ASSIGNMENTS,
    CAST_COLUMNS,
    HOLDS_PLACE,
    LINK_COLUMNS,
    LINKS,
    LISTENER_COLUMNS,
    LISTENERS,
    PAIR_COLUMNS,
    PAIRS,
    STATES,
    VOTES,
    WITH_ANSWERS,
    WITH_STATES,
    assignment_from,
    assignment_values,
    cast_from,
    link_from,
    listener_from,
    pair_from,
    pair_values,
)
from services.experiments.tables import EXPERIMENTS
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

    async def add_listener(
        self, connection: AsyncConnection, listener: Listener, most: int, most_from_address: int
    ) -> Listener | None:
        """Adds a listener, counts it at its link and returns it, or the one that its session is of this link already.

        None if the link has as many as it may have, in all or from the listener's address.
        """

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
        self,
        connection: AsyncConnection,
        assignment: Assignment,
        answer: ListenerAnswer,
        at: datetime,
        address: bytes | None = None,
    ) -> None:
        """Adds a vote, which counts until it is judged, and counts it at its pair and link."""

    async def judge(self, connection: AsyncConnection, judgements: Sequence[Judgement], at: datetime) -> None:
        """Gives votes further states. The pairs of those that no longer count, or count again, have other counts."""

    async def cast(
        self, connection: AsyncConnection, experiment_id: str, listener_id: str | None = None
    ) -> Sequence[CastVote]:
        """Returns an experiment's votes, or those of one listener, in the order in which they were cast."""

    async def places(
        self, connection: AsyncConnection, link_id: str, address: bytes, *, besides: str
    ) -> Collection[str]:
        """Returns the listeners of a link who hold a place at an address, without one of them; see `judging`."""

    async def same_session(self, connection: AsyncConnection, listener_id: str) -> Collection[str]:
        """Returns the other listeners of the same session and experiment who hold a place."""

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

    async def add_listener(
        self, connection: AsyncConnection, listener: Listener, most: int, most_from_address: int
    ) -> Listener | None:
        # What the new row refers to is locked before its link is, in the order in which who votes locks them.
        its_experiment = sa.select(_E.id).where(_E.id == listener.experiment_id)
        await connection.execute(its_experiment.with_for_update(read=True, key_share=True))
        # Who joins by the same link waits here, so that a session is one listener and nobody is counted too much.
        await connection.execute(sa.select(_L.id).where(_L.id == listener.link_id).with_for_update())
        its_link = LISTENERS.c.link_id == listener.link_id
        if listener.voter_id is not None:
            known = sa.select(*LISTENER_COLUMNS).where(its_link, LISTENERS.c.voter_id == listener.voter_id)
            if row := (await connection.execute(known)).one_or_none():
                return listener_from(row)
        if listener.address is not None:
            there = sa.select(sa.func.count()).where(its_link, LISTENERS.c.address == listener.address)
            if (await connection.execute(there)).scalar_one() >= most_from_address:
                return None
        counted = await connection.execute(
            sa.update(LINKS)
            .where(_L.id == listener.link_id, _L.listeners < most)
            .values({_L.listeners: _L.listeners + 1})
            .returning(_L.id)
        )
        if counted.first() is None:
            return None
        values = {column.name: getattr(listener, column.name) for column in LISTENER_COLUMNS}
        await connection.execute(sa.insert(LISTENERS).values(**values))
        return listener

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
        self,
        connection: AsyncConnection,
        assignment: Assignment,
        answer: ListenerAnswer,
        at: datetime,
        address: bytes | None = None,
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
                address=address,
            )
        )
        await self._count(connection, experiment_id, key, 1)
        await connection.execute(sa.update(LINKS).where(_L.id == assignment.link_id).values({_L.votes: _L.votes + 1}))

    async def _count(self, connection: AsyncConnection, experiment_id: str, key: PairKey, more: int) -> None:
        its_pair = (
            _P.experiment_id == experiment_id,
            _P.prompt_index == key.prompt_index,
            _P.first == key.first,
            _P.second == key.second,
        )
        await connection.execute(sa.update(PAIRS).where(*its_pair).values({_P.votes: _P.votes + more}))

    async def judge(self, connection: AsyncConnection, judgements: Sequence[Judgement], at: datetime) -> None:
        for each in judgements:
            vote = each.vote
            await connection.execute(
                sa.insert(STATES).values(assignment_id=vote.id, state=each.state, reason=each.doubt or "", judged_at=at)
            )
            more = (each.doubt is None) - vote.counts
            if more:
                await self._count(connection, vote.experiment_id, vote.key, more)
                excluded = {_L.excluded_votes: _L.excluded_votes - more}
                await connection.execute(sa.update(LINKS).where(_L.id == vote.link_id).values(excluded))

    async def cast(
        self, connection: AsyncConnection, experiment_id: str, listener_id: str | None = None
    ) -> Sequence[CastVote]:
        query = sa.select(*CAST_COLUMNS).select_from(WITH_STATES).where(_V.experiment_id == experiment_id)
        if listener_id is not None:
            query = query.where(_V.listener_id == listener_id)
        return [cast_from(row) for row in await connection.execute(query.order_by(_V.seq))]

    async def places(
        self, connection: AsyncConnection, link_id: str, address: bytes, *, besides: str
    ) -> Collection[str]:
        holding = sa.select(LISTENERS.c.id).select_from(WITH_STATES).where(LISTENERS.c.link_id == link_id, HOLDS_PLACE)
        there = sa.or_(LISTENERS.c.address == address, _V.address == address)
        query = holding.where(there, LISTENERS.c.id != besides).distinct()
        return list((await connection.execute(query)).scalars())

    async def same_session(self, connection: AsyncConnection, listener_id: str) -> Collection[str]:
        own = LISTENERS.alias()
        query = (
            sa.select(LISTENERS.c.id)
            .select_from(WITH_STATES.join(own, own.c.id == listener_id))
            .where(
                LISTENERS.c.id != listener_id,
                LISTENERS.c.voter_id == own.c.voter_id,
                LISTENERS.c.experiment_id == own.c.experiment_id,
                HOLDS_PLACE,
            )
        )
        return list((await connection.execute(query.distinct())).scalars())

    async def overdue(self, connection: AsyncConnection, at: datetime, limit: int) -> Sequence[str]:
        query = (
            sa.select(_E.id)
            .where(_E.status == ExperimentStatus.RUNNING, _E.listening_until <= at)
            .order_by(_E.listening_until)
            .limit(limit)
        )
        return list((await connection.execute(query)).scalars())
