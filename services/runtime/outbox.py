"""A state change and its events are one transaction: events are rows first, and a relay publishes them afterwards."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from google.protobuf.message import Message
from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.experiments.v1.events_pb2 import FactConfirmed

from services.runtime import ids, telemetry
from services.runtime.bus import Bus, Delivery, Handler
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import Unavailable
from services.runtime.event_loop import Stopwatch
from services.runtime.events import confirmed_subjects, private_subjects, subject_of, wrap
from services.runtime.periodic import periodic

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
PROCESSED = sa.table("processed_events", sa.column("processed_at", sa.DateTime(timezone=True)))

BATCH = 200
POLL_SECONDS = 1.0
# A consumer's record must outlive every redelivery, and streams keep events for three days.
KEEP_PROCESSED = timedelta(days=7)
PRUNE_SECONDS = 3600.0
# What was not confirmed is published again after this long, and then each time after twice as long as before.
MIN_REPEAT = timedelta(seconds=30)
MAX_REPEAT = timedelta(minutes=10)
REPEAT_POLL_SECONDS = 10.0

# Events go out within a second, and a relay that waits for the bus tries for up to 20 s.
MAX_AGE_SECONDS = 60.0

Traced = tuple[Message, str]
"""An event and the traceparent of what it belongs to, empty for the current trace."""

AGE = Gauge(telemetry.OUTBOX_AGE, "Age of the oldest event that is not yet published")


async def add(connection: AsyncConnection, *messages: Message) -> None:
    """Records events in the caller's transaction. They are published once it has committed."""
    await add_each(connection, [(message, "") for message in messages])


async def add_each(connection: AsyncConnection, traced: Sequence[Traced]) -> None:
    """Records events that belong to traces of their own."""
    rows = []
    for message, traceparent in traced:
        event_id = ids.new_id("evt")
        envelope = wrap(message, event_id, traceparent).SerializeToString()
        rows.append({"id": event_id, "subject": subject_of(message), "envelope": envelope})
    if rows:
        # The rows are parameters, so that the statement is the same for any number of them and compiled once.
        await connection.execute(sa.insert(OUTBOX), rows)


async def withdraw(connection: AsyncConnection, text: str) -> None:
    """Deletes the private events that name `text`, an id, and wait here, in the caller's transaction.

    One that a relay is publishing at this moment stays: it leaves the bus in its time.
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
    """Publishes a service's outbox. Any number of relays may run side by side."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._wake = asyncio.Event()
        self._oldest: datetime | None = None
        self._looked = Stopwatch()
        self._repeated = Stopwatch()
        # At any moment, since a bus that is away holds a batch up for long.
        AGE.set_function(self._age)

    async def run(self) -> None:
        """Publishes for ever: at once when woken by a commit, and every second in case a wake-up was missed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._database.listen(f"{self._database.schema}_outbox", lambda _: self._wake.set()))
            tasks.create_task(periodic(self.prune, PRUNE_SECONDS), name="outbox pruning")
            publishing = periodic(self._relay, POLL_SECONDS, batch=BATCH, wake=self._wake)
            tasks.create_task(publishing, name="outbox publishing")

    async def check(self) -> None:
        """Raises Unavailable while events are not published, or nobody looks for them."""
        if (age := self._age()) > MAX_AGE_SECONDS:
            raise Unavailable(f"the oldest event has waited {age:.0f} s to be published")
        if self._looked.seconds() > MAX_AGE_SECONDS:
            raise Unavailable(f"nobody has looked for events for {self._looked.seconds():.0f} s")

    async def _relay(self) -> int:
        published = await self.publish_batch()
        if self._repeated.seconds() >= REPEAT_POLL_SECONDS:
            self._repeated = Stopwatch()
            await self.repeat_batch()
        return published

    async def publish_batch(self) -> int:
        """Publishes the oldest events that no other relay is at, and returns how many there were."""
        return await self._publish(OUTBOX.c.published_at.is_(None))

    async def repeat_batch(self) -> int:
        """Publishes again facts that were not confirmed in time, and returns how many there were."""
        so_far = OUTBOX.c.published_at - OUTBOX.c.created_at
        wait = sa.func.least(sa.func.greatest(so_far, MIN_REPEAT), MAX_REPEAT)
        due = OUTBOX.c.published_at + wait <= sa.func.now()
        # For the index: few rows were ever published.
        return await self._publish(sa.and_(_to_confirm(), OUTBOX.c.published_at.is_not(None), due))

    async def _publish(self, which: sa.ColumnElement[bool]) -> int:
        async with self._database.transaction() as connection:
            rows = (
                await connection.execute(
                    sa.select(OUTBOX).where(which).order_by(OUTBOX.c.seq).limit(BATCH).with_for_update(skip_locked=True)
                )
            ).all()
            self._looked = Stopwatch()
            self._oldest = next((row.created_at for row in rows if row.published_at is None), None)
            if not rows:
                return 0
            outcomes = await asyncio.gather(
                *(self._bus.publish_raw(row.subject, row.envelope, row.id) for row in rows), return_exceptions=True
            )
            done = [row for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
            over = [row.id for row in done if row.subject not in confirmed_subjects()]
            if over:
                # Not kept as a record: an event may carry what somebody wrote and has deleted since.
                await connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.id.in_(over)))
            if len(over) < len(done):
                kept = OUTBOX.c.id.in_({row.id for row in done}.difference(over))
                await connection.execute(sa.update(OUTBOX).where(kept).values(published_at=sa.func.now()))
        # What was published stays published even when the rest was not.
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        self._oldest = None
        return len(done)

    def handlers(self) -> Mapping[type[Message], Handler]:
        """Returns how a service that has facts to be confirmed takes their confirmations."""

        async def fact_confirmed(event: FactConfirmed, delivery: Delivery) -> None:
            async with self._database.transaction() as connection:
                await connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.id == event.event_id))

        return {FactConfirmed: fact_confirmed}

    def _age(self) -> float:
        """Returns the age in seconds of the oldest event that is not known to be published, 0 if there is none."""
        return max(0.0, (now() - self._oldest).total_seconds()) if self._oldest else 0.0

    async def prune(self) -> None:
        """Deletes the records that nobody needs any more."""
        async with self._database.transaction() as connection:
            # Earlier versions kept what they had published.
            await connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.published_at.is_not(None), ~_to_confirm()))
            await connection.execute(sa.delete(PROCESSED).where(PROCESSED.c.processed_at < now() - KEEP_PROCESSED))


def _to_confirm() -> sa.ColumnElement[bool]:
    return OUTBOX.c.subject.in_(confirmed_subjects())
