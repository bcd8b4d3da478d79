"""Announces facts: each becomes a delivery to the webhook of its subject, in the transaction that records the fact."""

from collections.abc import Mapping

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments import facts
from services.experiments.domain import Experiment
from services.experiments.webhooks.announced import ANNOUNCED, Announced
from services.experiments.webhooks.domain import Delivery, DeliveryStatus
from services.experiments.webhooks.store import WebhookStore
from services.runtime import bus, ids, inbox, outbox
from services.runtime.clock import now
from services.runtime.db import Database, notify
from services.runtime.events import event_type
from services.runtime.telemetry import current_traceparent

CHANNEL = "experiments_webhooks"
OWNER = "experiments"
CONSUMER = "webhooks"


class Announcing:
    """Announces facts. Their deliveries wait in the database for a Sender."""

    def __init__(
        self,
        database: Database,
        store: WebhookStore,
        public_url: str,
        announced: Mapping[type[Message], Announced] = ANNOUNCED,
    ) -> None:
        """`public_url` begins the links in messages."""
        self._database = database
        self._store = store
        self._public_url = public_url
        self._announced = announced

    async def record(self, connection: AsyncConnection, fact: Message, experiment: Experiment) -> None:
        """Records a fact of an experiment, and announces it, in the caller's transaction."""
        await outbox.add(connection, fact)
        await self._announce(connection, fact, experiment)

    async def take(self, fact: Message, delivery: bus.Delivery) -> None:
        """Announces a fact of another service the first time that it comes, and confirms it every time."""
        async with self._database.transaction() as connection:
            if await inbox.first_time(connection, CONSUMER, delivery.event_id):
                await self._announce(connection, fact, delivery)
            await outbox.add(connection, facts.fact_confirmed(delivery.event_id))

    def handlers(self) -> Mapping[type[Message], bus.Handler]:
        """Returns what is done about the facts of other services that are announced."""
        return {kind: self.take for kind in self._announced if event_type(kind).owner != OWNER}

    async def _announce(self, connection: AsyncConnection, fact: Message, known: Experiment | bus.Delivery) -> None:
        announced = self._announced[type(fact)]
        announcement = announced.announcement(fact, known, self._public_url)
        if not announcement.webhook_url:
            return
        # It can't be deleted or disabled before the delivery is there to be given up with the others.
        endpoint = await self._store.endpoint_at(
            connection, announcement.developer_id, announcement.webhook_url, keep=True
        )
        if endpoint is None:
            return
        moment = now()
        enabled = not endpoint.disabled_reason
        delivery = Delivery(
            id=ids.new_id("msg"),
            subject_type=announced.subject_type,
            subject_id=announcement.subject_id,
            endpoint_id=endpoint.id,
            type=announced.type,
            body=announcement.body(announced.type),
            status=DeliveryStatus.PENDING if enabled else DeliveryStatus.FAILED,
            next_attempt_at=moment if enabled else None,
            error_message="" if enabled else f"the endpoint was disabled: {endpoint.disabled_reason}",
            # What ends an experiment is mostly an event in the trace of its run; a time that is over has no trace.
            traceparent=current_traceparent() or announcement.traceparent,
            created_at=moment,
        )
        await self._store.add_delivery(connection, delivery)
        await wake(connection)


async def wake(connection: AsyncConnection) -> None:
    """Wakes the senders once the transaction commits."""
    await notify(connection, CHANNEL, "")
