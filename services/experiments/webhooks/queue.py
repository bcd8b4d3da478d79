"""What is to be told, written down in the transaction in which it happens."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment
from services.experiments.webhooks import payload, signing
from services.experiments.webhooks.domain import MOST_ENDPOINTS, Delivery, DeliveryStatus, Endpoint
from services.experiments.webhooks.sealing import SecretBox
from services.experiments.webhooks.store import WebhookStore
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import notify
from services.runtime.errors import QuotaExceeded
from services.runtime.telemetry import current_traceparent

SCHEMA = "experiments"
CHANNEL = "webhooks"


class Webhooks(Protocol):
    """Where the end of an experiment is written down for its webhook."""

    async def planned(self, connection: AsyncConnection, experiment: Experiment) -> None:
        """Makes an endpoint of a new experiment's webhook_url if there is none; in the caller's transaction.

        QuotaExceeded if its developer has as many as there may be.
        """

    async def ended(self, connection: AsyncConnection, experiment: Experiment, winner: str | None = None) -> None:
        """Notes that an experiment has ended, as its status says, if it has a webhook; in the caller's transaction."""


class WebhookQueue:
    """The deliveries that wait in the database for a Sender."""

    def __init__(self, store: WebhookStore, box: SecretBox, public_url: str) -> None:
        """`public_url` begins the links in messages."""
        self._store = store
        self._box = box
        self._public_url = public_url

    async def planned(self, connection: AsyncConnection, experiment: Experiment) -> None:
        url, developer_id = experiment.webhook_url, experiment.developer_id
        if not url:
            return
        endpoints = await self._store.count_endpoints(connection, developer_id)
        if await self._store.endpoint_at(connection, developer_id, url):
            return
        check_room(endpoints)
        endpoint, _ = new_endpoint(self._box, developer_id, url)
        # Nothing is added if the same URL came from elsewhere at the same moment.
        await self._store.add_endpoint(connection, endpoint, untold=experiment.id)

    async def ended(self, connection: AsyncConnection, experiment: Experiment, winner: str | None = None) -> None:
        if not experiment.webhook_url:
            return
        # It can't be deleted or disabled before the delivery is there to be given up with the others.
        endpoint = await self._store.endpoint_at(connection, experiment.developer_id, experiment.webhook_url, keep=True)
        if endpoint is None:
            return
        moment = now()
        enabled = not endpoint.disabled_reason
        delivery = Delivery(
            id=ids.new_id("msg"),
            experiment_id=experiment.id,
            endpoint_id=endpoint.id,
            type=payload.event_type(experiment),
            body=payload.body(experiment, winner, self._public_url),
            status=DeliveryStatus.PENDING if enabled else DeliveryStatus.FAILED,
            next_attempt_at=moment if enabled else None,
            error_message="" if enabled else f"the endpoint was disabled: {endpoint.disabled_reason}",
            # What ends an experiment is mostly an event in the trace of its run; a time that is over has no trace.
            traceparent=current_traceparent() or experiment.traceparent,
            created_at=moment,
        )
        await self._store.add_delivery(connection, delivery)
        await wake(connection)


async def wake(connection: AsyncConnection) -> None:
    """Wakes the senders once the transaction commits."""
    await notify(connection, SCHEMA, CHANNEL, "")


def check_room(endpoints: int) -> None:
    """QuotaExceeded if a developer has as many endpoints as there may be."""
    if endpoints >= MOST_ENDPOINTS:
        raise QuotaExceeded(
            f"there may be {MOST_ENDPOINTS} webhook endpoints; delete one first", limit=str(MOST_ENDPOINTS)
        )


def new_endpoint(box: SecretBox, developer_id: str, url: str) -> tuple[Endpoint, str]:
    """Returns a new endpoint and its secret as it is shown."""
    endpoint_id, secret = ids.new_id("whe"), signing.new_secret()
    endpoint = Endpoint(
        id=endpoint_id,
        developer_id=developer_id,
        url=url,
        secret=box.seal(secret, endpoint_id),
        created_at=now(),
    )
    return endpoint, signing.spelled(secret)
