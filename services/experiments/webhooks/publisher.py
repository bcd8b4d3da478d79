"""Turns facts into webhook deliveries, in the transaction that records the fact."""

from collections.abc import Mapping

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments import facts
from services.experiments.domain import Experiment
from services.experiments.webhooks.domain import Delivery, DeliveryStatus
from services.experiments.webhooks.messages import MESSAGE_TYPES, MessageType
from services.experiments.webhooks.store import WebhookStore
from services.runtime import bus, ids, inbox, outbox
from services.runtime.clock import now
from services.runtime.db import Database, notify
from services.runtime.events import event_type
from services.runtime.telemetry import current_traceparent

CHANNEL = "experiments_webhooks"
OWNER = "experiments"
CONSUMER = "webhooks"


class WebhookPublisher:
    """Creates webhook deliveries for facts. A Sender sends them later."""

    def __init__(
        self,
        database: Database,
        store: WebhookStore,
        public_url: str,
        message_types: Mapping[type[Message], MessageType] = MESSAGE_TYPES,
    ) -> None:
        """`public_url` is the beginning of links in messages."""
        self._database = database
        self._store = store
        self._public_url = public_url
        self._types = message_types

    async def record(self, connection: AsyncConnection, fact: Message, experiment: Experiment) -> None:
        """Records a fact about an experiment and creates its webhook delivery, in the caller's transaction."""
        await outbox.add(connection, fact)
        await self._create_delivery(connection, fact, experiment)

    async def take(self, fact: Message, delivery: bus.EventMetadata) -> None:
        """Creates the delivery for another service's fact when it first arrives, and confirms the fact each time."""
        async with self._database.transaction() as connection:
            if await inbox.first_time(connection, CONSUMER, delivery.event_id):
                await self._create_delivery(connection, fact, delivery)
            await outbox.add(connection, facts.fact_confirmed(delivery.event_id))

    def handlers(self) -> Mapping[type[Message], bus.Handler]:
        """Returns the handlers for facts of other services that have webhook messages."""
        return {kind: self.take for kind in self._types if event_type(kind).owner != OWNER}

    async def _create_delivery(
        self, connection: AsyncConnection, fact: Message, source: Experiment | bus.EventMetadata
    ) -> None:
        message_type = self._types[type(fact)]
        message = message_type.build(fact, source, self._public_url)
        if not message.webhook_url:
            return
        # The lock keeps others from deleting or disabling the endpoint first. They then give up this delivery, too.
        endpoint = await self._store.endpoint_at(connection, message.developer_id, message.webhook_url, keep=True)
        if endpoint is None:
            return
        moment = now()
        enabled = not endpoint.disabled_reason
        delivery = Delivery(
            id=ids.new_id("msg"),
            subject_type=message_type.subject_type,
            subject_id=message.subject_id,
            endpoint_id=endpoint.id,
            type=message_type.type,
            body=message.body(message_type.type),
            status=DeliveryStatus.PENDING if enabled else DeliveryStatus.FAILED,
            next_attempt_at=moment if enabled else None,
            error_message="" if enabled else f"the endpoint was disabled: {endpoint.disabled_reason}",
            # Most experiments end with an event in the trace of their run. One that ends at a time limit has no trace.
            traceparent=current_traceparent() or message.traceparent,
            created_at=moment,
        )
        await self._store.add_delivery(connection, delivery)
        await wake(connection)


async def wake(connection: AsyncConnection) -> None:
    """Wakes all senders when the transaction commits."""
    await notify(connection, CHANNEL, "")
