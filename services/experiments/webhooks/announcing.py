"""Records facts, each with the delivery to the webhook of its subject, in the transaction in which it happens."""

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment
from services.experiments.webhooks.announced import ANNOUNCED
from services.experiments.webhooks.domain import Delivery, DeliveryStatus
from services.experiments.webhooks.store import WebhookStore
from services.runtime import ids, outbox
from services.runtime.clock import now
from services.runtime.db import notify
from services.runtime.telemetry import current_traceparent

SCHEMA = "experiments"
CHANNEL = "webhooks"


class Announcing:
    """Announces facts. Their deliveries wait in the database for a Sender."""

    def __init__(self, store: WebhookStore, public_url: str) -> None:
        """`public_url` begins the links in messages."""
        self._store = store
        self._public_url = public_url

    async def record(self, connection: AsyncConnection, fact: Message, experiment: Experiment) -> None:
        """Records a fact of an experiment, and announces it, in the caller's transaction."""
        await outbox.add(connection, fact)
        await self._announce(connection, fact, experiment)

    async def _announce(self, connection: AsyncConnection, fact: Message, known: Experiment) -> None:
        announced = ANNOUNCED[type(fact)]
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
    await notify(connection, SCHEMA, CHANNEL, "")
