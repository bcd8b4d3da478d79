"""Publishes events after the transaction that records them.

A state change and its events are one transaction: the events are rows of the outbox. A relay publishes them after the
commit.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from google.protobuf.message import Message
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.elo.v1 import events_pb2 as elo_pb2
from voicearena.experiments.v1 import events_pb2 as experiments_pb2

from services.runtime import ids, inbox, telemetry
from services.runtime.bus import Bus, EventMetadata, Handler
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import Unavailable
from services.runtime.event_loop import Stopwatch
from services.runtime.events import confirmed_subjects, consumers_of, private_subjects, subject_of, wrap
from services.runtime.periodic import periodic
from services.runtime.statements import Statement

log = structlog.get_logger()

OUTBOX = sa.table(
    "outbox",
    sa.column("id", sa.Text),
    sa.column("seq", sa.BigInteger),
    sa.column("subject", sa.Text),
    sa.column("envelope", sa.LargeBinary),
    sa.column("created_at", sa.DateTime(timezone=True)),
    sa.column("published_at", sa.DateTime(timezone=True)),
)
_O = OUTBOX.c
_ADD = Statement(sa.insert(OUTBOX), "id", "subject", "envelope")
_TO_CONFIRM = _O.subject == sa.any_(sa.bindparam("confirmed", type_=sa.ARRAY(sa.Text)))
_OF_IDS = _O.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text)))
PROCESSED = sa.table(
    "processed_events",
    sa.column("consumer", sa.Text),
    sa.column("event_id", sa.Text),
    sa.column("processed_at", sa.DateTime(timezone=True)),
)


def _oldest(*which: sa.ColumnElement[bool]) -> Statement:
    """Returns the statement that locks the oldest events that no other relay is publishing."""
    oldest = sa.select(OUTBOX).where(*which).order_by(_O.seq).limit(sa.bindparam("at_most", type_=sa.Integer))
    return Statement(oldest.with_for_update(skip_locked=True))


_UNPUBLISHED = _oldest(_O.published_at.is_(None))
_MIN_WAIT, _MAX_WAIT = (sa.bindparam(name, type_=sa.Interval) for name in ("min_wait", "max_wait"))
_REPEATED_AFTER = sa.func.least(sa.func.greatest(_O.published_at - _O.created_at, _MIN_WAIT), _MAX_WAIT)
# The second condition is implied, but lets PostgreSQL use the index: few rows have a published_at.
_UNCONFIRMED = _oldest(_TO_CONFIRM, _O.published_at.is_not(None), _O.published_at + _REPEATED_AFTER <= sa.func.now())
_DELETE = Statement(sa.delete(OUTBOX).where(_OF_IDS))
_WAIT = Statement(sa.update(OUTBOX).where(_OF_IDS).values(published_at=sa.func.now()))
CONFIRMATIONS: Mapping[str, type[Message]] = {
    "elo": elo_pb2.FactConfirmed,
    "experiments": experiments_pb2.FactConfirmed,
}
"""The event with which each service confirms the facts of others that it has received."""

BATCH = 200
POLL_SECONDS = 1.0
# Longer than streams keep events (three days), so that a redelivered event always finds its record.
PROCESSED_RETENTION = timedelta(days=7)
PRUNE_INTERVAL_SECONDS = 3600.0
# An unconfirmed event is published again after this time. The waits then double up to the maximum.
MIN_REPEAT_INTERVAL = timedelta(seconds=30)
MAX_REPEAT_INTERVAL = timedelta(minutes=10)
REPEAT_POLL_SECONDS = 10.0

# The health check fails above this age. Events are normally published within a second, and the relay tries for up to
# 20 s while the bus is down.
MAX_AGE_SECONDS = 60.0

Traced = tuple[Message, str]
"""An event and the traceparent of its trace, empty for the current trace."""

AGE = Gauge(telemetry.OUTBOX_AGE, "Age of the oldest event that is not yet published")


async def add(connection: AsyncConnection, *messages: Message) -> None:
    """Records events in the caller's transaction. They are published after it commits."""
    await add_each(connection, [(message, "") for message in messages])


async def add_each(connection: AsyncConnection, traced: Sequence[Traced]) -> None:
    """Records events as `add` does, each with its own trace."""
    for message, traceparent in traced:
        event_id = ids.new_id("evt")
        envelope = wrap(message, event_id, traceparent).SerializeToString()
        await _ADD.later(connection, id=event_id, subject=subject_of(message), envelope=envelope)


async def withdraw(connection: AsyncConnection, text: str) -> None:
    """Deletes unpublished private events that contain `text`, an id, in the caller's transaction.

    An event that a relay is publishing at this moment stays. It is deleted from the bus when its time to live ends.
    """
    named = (
        sa.select(OUTBOX.c.id)
        .where(
            sa.or_(
                OUTBOX.c.subject.in_(private_subjects()),
                *(OUTBOX.c.subject.startswith(f"{subject}.") for subject in private_subjects()),
            ),
            sa.func.pg_catalog.position(OUTBOX.c.envelope, sa.bindparam("named", text.encode(), sa.LargeBinary)) > 0,
        )
        .with_for_update(skip_locked=True)
    )
    await connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.id.in_(named)))


class OutboxRelay:
    """Publishes the events of a service's outbox. Several relays can run at the same time."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._wake = asyncio.Event()
        self._oldest: datetime | None = None
        self._last_poll = Stopwatch()
        self._last_repeat = Stopwatch()
        # A function, because the age grows while the bus is down and a batch takes long.
        AGE.set_function(self._age)

    async def run(self) -> None:
        """Publishes events until it is cancelled: at once after a commit, and every second if a wake-up was missed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._database.listen(f"{self._database.schema}_outbox", lambda _: self._wake.set()))
            tasks.create_task(periodic(self.prune, PRUNE_INTERVAL_SECONDS), name="outbox pruning")
            publishing = periodic(self._relay, POLL_SECONDS, batch=BATCH, wake=self._wake)
            tasks.create_task(publishing, name="outbox publishing")

    async def check(self) -> None:
        """Raises Unavailable if events are not published, or the outbox is not read."""
        if (age := self._age()) > MAX_AGE_SECONDS:
            raise Unavailable(f"the oldest event has waited {age:.0f} s to be published")
        if self._last_poll.seconds() > MAX_AGE_SECONDS:
            raise Unavailable(f"the outbox was not read for {self._last_poll.seconds():.0f} s")

    async def _relay(self) -> int:
        published = await self.publish_batch()
        if self._last_repeat.seconds() >= REPEAT_POLL_SECONDS:
            self._last_repeat = Stopwatch()
            await self.repeat_batch()
        return published

    async def publish_batch(self) -> int:
        """Publishes the oldest events that no other relay is publishing. Returns their number."""
        return await self._publish(_UNPUBLISHED)

    async def repeat_batch(self) -> int:
        """Publishes again the facts that were not confirmed in time. Returns their number."""
        return await self._publish(
            _UNCONFIRMED,
            confirmed=list(confirmed_subjects()),
            min_wait=MIN_REPEAT_INTERVAL,
            max_wait=MAX_REPEAT_INTERVAL,
        )

    async def _publish(self, which: Statement, **values: Any) -> int:
        async with self._database.transaction() as connection:
            rows = await which.execute(connection, at_most=BATCH, **values)
            self._last_poll = Stopwatch()
            self._oldest = next((row.created_at for row in rows if row.published_at is None), None)
            if not rows:
                return 0
            outcomes = await asyncio.gather(
                *(self._bus.publish_raw(row.subject, row.envelope, row.id) for row in rows), return_exceptions=True
            )
            published = [row for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
            finished = [row.id for row in published if row.subject not in confirmed_subjects()]
            if finished:
                # Published events are deleted: they can contain text that its author has deleted meanwhile.
                await _DELETE.later(connection, ids=finished)
            if len(finished) < len(published):
                await _WAIT.later(connection, ids=sorted({row.id for row in published}.difference(finished)))
        # Raised after the commit, so that the events that were published are not published again.
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        self._oldest = None
        return len(published)

    def handlers(self, *consumers: str) -> Mapping[type[Message], Handler]:
        """Returns the event handlers of a service whose facts these services confirm.

        They delete a fact when each of its consumers has confirmed it.
        """

        def of(consumer: str) -> Handler:
            async def fact_confirmed(
                event: elo_pb2.FactConfirmed | experiments_pb2.FactConfirmed, delivery: EventMetadata
            ) -> None:
                async with self._database.transaction() as connection:
                    await _confirm(connection, event.event_id, consumer)

            return fact_confirmed

        return {CONFIRMATIONS[consumer]: of(consumer) for consumer in consumers}

    def _age(self) -> float:
        """Returns the age of the oldest unpublished event in seconds, 0 if there is none."""
        return max(0.0, (now() - self._oldest).total_seconds()) if self._oldest else 0.0

    async def prune(self) -> None:
        """Deletes records that are no longer needed."""
        async with self._database.transaction() as connection:
            # Versions before this one kept published events.
            unneeded = sa.delete(OUTBOX).where(_O.published_at.is_not(None), ~_TO_CONFIRM)
            await connection.execute(unneeded, {"confirmed": list(confirmed_subjects())})
            await connection.execute(sa.delete(PROCESSED).where(PROCESSED.c.processed_at < now() - PROCESSED_RETENTION))


async def _confirm(connection: AsyncConnection, event_id: str, consumer: str) -> None:
    """Records that a consumer has confirmed a fact, and deletes the fact when all of its consumers have."""
    # The lock lets the confirmations of a fact follow one another.
    query = sa.select(OUTBOX.c.subject).where(OUTBOX.c.id == event_id).with_for_update()
    subject = (await connection.execute(query)).scalar_one_or_none()
    if subject is None:
        return
    consumers = set(consumers_of(subject))
    await inbox.first_time(connection, _confirmation(consumer), event_id)
    query = sa.select(PROCESSED.c.consumer).where(PROCESSED.c.event_id == event_id)
    confirmed = set((await connection.execute(query)).scalars())
    if confirmed.issuperset(map(_confirmation, consumers)):
        await connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.id == event_id))


def _confirmation(consumer: str) -> str:
    """Returns the name under which the record of processed events has a confirmation."""
    return f"confirmed by {consumer}"
