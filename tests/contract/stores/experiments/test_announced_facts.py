"""A fact of another service reaches webhooks once, even if the bus loses events."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from google.protobuf.message import Message

from services.experiments.webhooks.domain import Delivery, DeliveryStatus
from services.experiments.webhooks.messages import MESSAGE_TYPES, MessageType, WebhookMessage
from services.experiments.webhooks.publisher import WebhookPublisher
from services.experiments.webhooks.store import SqlWebhookStore
from services.runtime import bus as bus_module
from services.runtime import outbox
from services.runtime.bus import Bus, Handler
from services.runtime.db import Database
from services.runtime.outbox import OutboxRelay
from tests.contract.declared_fact import RecordingHeard, declared
from tests.contract.stores.experiments.test_webhook_store import URL, endpoint
from tests.contract.stores.servers import RunningNats, running_nats

SOON = 30.0
PUBLIC_URL = "https://arena.example.com"


def recording_heard(fact: Message, delivery: bus_module.EventMetadata, public_url: str) -> WebhookMessage:
    return WebhookMessage(
        subject_id=fact.recording_id,  # type: ignore[attr-defined]
        developer_id=fact.developer_id,  # type: ignore[attr-defined]
        webhook_url=fact.webhook_url,  # type: ignore[attr-defined]
        occurred_at=delivery.occurred_at,
        data={"recording_url": f"{public_url}/recordings/{fact.recording_id}"},  # type: ignore[attr-defined]
    )


class Services:
    """The service that owns the fact, and experiments, over one bus."""

    def __init__(self, owner: Database, experiments: Database, owner_bus: Bus, experiments_bus: Bus) -> None:
        self.owner = owner
        self.experiments = experiments
        self.store = SqlWebhookStore()
        announced = {**MESSAGE_TYPES, RecordingHeard: MessageType("recording.heard", recording_heard)}
        self.publisher = WebhookPublisher(experiments, self.store, PUBLIC_URL, announced)
        self.owner_relay = OutboxRelay(owner, owner_bus)
        self._owner_bus = owner_bus
        self._experiments_bus = experiments_bus
        self.taken: asyncio.Queue[str] = asyncio.Queue()

    async def record(self, recording_id: str = "rec_a", url: str = URL) -> None:
        """Records the fact in the database of its owner."""
        async with self.owner.transaction() as connection:
            fact = RecordingHeard(recording_id=recording_id, developer_id="dev_a", webhook_url=url)
            await outbox.add(connection, fact)

    @asynccontextmanager
    async def running(self, *, owner: bool = True) -> AsyncIterator[None]:
        """Runs experiments during the block, and the service that owns the fact unless it is left out."""
        experiments_relay = OutboxRelay(self.experiments, self._experiments_bus)
        async with asyncio.timeout(SOON), asyncio.TaskGroup() as group:
            work = [
                self._experiments_bus.consume(self._noting(self.publisher.handlers()), max_in_flight=1),
                experiments_relay.run(),
            ]
            if owner:
                confirmations = self.owner_relay.handlers("experiments")
                work += [self._owner_bus.consume(confirmations, max_in_flight=1), self.owner_relay.run()]
            tasks = [group.create_task(each) for each in work]
            yield
            for task in tasks:
                task.cancel()

    def _noting(self, handlers: Mapping[type[Message], Handler]) -> Mapping[type[Message], Handler]:
        take = handlers[RecordingHeard]

        async def take_and_note(fact: Message, delivery: bus_module.EventMetadata) -> None:
            await take(fact, delivery)
            self.taken.put_nowait(delivery.event_id)

        return {RecordingHeard: take_and_note}

    async def deliveries(self, recording_id: str = "rec_a") -> list[Delivery]:
        async with self.experiments.reading() as connection:
            found = await self.store.deliveries(connection, "recording", recording_id, after=None, limit=9)
        return [delivery for delivery, _ in found]

    async def unconfirmed(self) -> int:
        async with self.owner.reading() as connection:
            return int((await connection.execute(sa.text("SELECT count(*) FROM outbox"))).scalar_one())

    async def confirmed(self) -> None:
        """Waits until the owner has no unconfirmed facts."""
        async with asyncio.timeout(SOON):
            while await self.unconfirmed():  # noqa: ASYNC110 - nothing announces a deleted row
                await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "REPAIR_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(bus_module, "PUBLISH_TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(outbox, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(outbox, "REPEAT_POLL_SECONDS", 0.1)


@pytest.fixture(autouse=True)
def declared_fact() -> Iterator[None]:
    with declared():
        yield


@pytest.fixture
async def nats() -> AsyncIterator[RunningNats]:
    async with running_nats() as server:
        yield server


@pytest.fixture
async def services(
    schemas: Mapping[str, Database], emptied_schema: Database, nats: RunningNats
) -> AsyncIterator[Services]:
    owner = schemas["scoring"]
    async with owner.transaction() as connection:
        await connection.execute(sa.text("TRUNCATE outbox, processed_events"))
    async with AsyncExitStack() as stack:
        buses = []
        for name in ("scoring", "experiments"):
            buses.append(await Bus.connect(nats.url, name))
            stack.push_async_callback(buses[-1].close)
        made = Services(owner, emptied_schema, *buses)
        async with emptied_schema.transaction() as connection:
            await made.store.add_endpoint(connection, endpoint("whe_a", url=URL))
        yield made


async def test_a_fact_of_another_service_becomes_a_delivery_and_is_confirmed(services: Services) -> None:
    async with services.running():
        await services.record()
        await services.taken.get()
        await services.confirmed()
    (delivery,) = await services.deliveries()
    assert (delivery.subject_type, delivery.subject_id, delivery.endpoint_id) == ("recording", "rec_a", "whe_a")
    assert (delivery.type, delivery.status) == ("recording.heard", DeliveryStatus.PENDING)
    body = json.loads(delivery.body)
    assert body["data"] == {"recording_url": "https://arena.example.com/recordings/rec_a"}
    assert (body["type"], body["timestamp"][-1]) == ("recording.heard", "Z")


@pytest.mark.parametrize("url", ["", "https://example.org/nobody"])
async def test_a_fact_without_a_webhook_is_still_confirmed(services: Services, url: str) -> None:
    async with services.running():
        await services.record(url=url)
        await services.taken.get()
        await services.confirmed()
    assert await services.deliveries() == []


async def test_a_fact_that_the_bus_lost_is_still_announced(
    services: Services, nats: RunningNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.record()
    assert await services.owner_relay.publish_batch() == 1
    await nats.stop()
    nats.wipe()
    await nats.start()
    monkeypatch.setattr(outbox, "MIN_REPEAT_INTERVAL", timedelta(0))
    async with services.running():
        await services.taken.get()
        await services.confirmed()
    assert len(await services.deliveries()) == 1


async def test_a_fact_repeated_after_a_lost_confirmation_is_announced_once(
    services: Services, nats: RunningNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.record()
    assert await services.owner_relay.publish_batch() == 1
    async with services.running(owner=False):
        first = await services.taken.get()
    # The confirmation is lost, whether it was published or waits in the outbox of experiments.
    await nats.stop()
    nats.wipe()
    await nats.start()
    async with services.experiments.transaction() as connection:
        await connection.execute(sa.text("TRUNCATE outbox"))
    assert (await services.unconfirmed(), len(await services.deliveries())) == (1, 1)

    monkeypatch.setattr(outbox, "MIN_REPEAT_INTERVAL", timedelta(0))
    async with services.running():
        assert await services.taken.get() == first
        await services.confirmed()
    assert len(await services.deliveries()) == 1
