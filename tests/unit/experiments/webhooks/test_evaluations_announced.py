"""Webhook messages about evaluations of recordings, which scoring announces."""

import json
from datetime import UTC, datetime

import pytest
from voicearena.scoring.v1.events_pb2 import (
    RecordingEvaluated,
    RecordingEvaluationDeleted,
    RecordingEvaluationFailed,
)

from services.experiments.webhooks.domain import EVALUATION, Delivery, WebhookEndpoint
from services.experiments.webhooks.messages import MAX_BODY_BYTES
from services.experiments.webhooks.publisher import WebhookPublisher
from services.runtime import bus
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_webhook_store import MemoryWebhookStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "https://xn--bcher-kva.example/done"
ABOUT = {
    "evaluation_id": "evl_a",
    "developer_id": "dev_a",
    "webhook_url": "https://Bücher.example/done",
    "model_id": "mdl_a",
}


class Webhooks:
    """The publisher of facts over a store in memory with one endpoint of dev_a."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.store = MemoryWebhookStore()
        self.publisher = WebhookPublisher(self.database, self.store, "https://arena.example.com")
        self._events = 0

    async def take(self, fact: object) -> list[Delivery]:
        """Takes a fact and returns the deliveries about evl_a."""
        self._events += 1
        delivery = bus.EventMetadata(f"evt_{self._events}", 1, NOON, "")
        handlers = {**self.publisher.handlers(), **self.publisher.deletion_handlers()}
        await handlers[type(fact)](fact, delivery)  # type: ignore[index,arg-type]
        async with self.database.reading() as connection:
            found = await self.store.deliveries(connection, EVALUATION, "evl_a", after=None, limit=9)
        return [each for each, _ in found]


@pytest.fixture
async def webhooks() -> Webhooks:
    made = Webhooks()
    async with made.database.transaction() as connection:
        endpoint = WebhookEndpoint(id="whe_a", developer_id="dev_a", url=URL, secret=b"", created_at=NOON)
        await made.store.add_endpoint(connection, endpoint)
    return made


async def test_the_message_of_a_completed_evaluation_says_where_to_read_it(webhooks: Webhooks) -> None:
    (delivery,) = await webhooks.take(RecordingEvaluated(**ABOUT, duration_seconds=2.5))
    assert json.loads(delivery.body) == {
        "type": "evaluation.completed",
        "timestamp": "2026-01-01T12:00:00.000Z",
        "data": {
            "evaluation_id": "evl_a",
            "status": "completed",
            "model_id": "mdl_a",
            "scenario_id": "",
            "duration_seconds": 2.5,
            "error_message": "",
            "evaluation_url": "https://arena.example.com/api/v1/evaluations/evl_a",
        },
    }


async def test_the_message_of_a_failed_evaluation_says_why(webhooks: Webhooks) -> None:
    reason = "😀" * 1000
    (delivery,) = await webhooks.take(RecordingEvaluationFailed(**ABOUT, message=reason))
    data = json.loads(delivery.body)["data"]
    assert (delivery.type, data["status"], data["error_message"]) == ("evaluation.failed", "failed", reason)
    assert data["duration_seconds"] is None
    assert len(delivery.body) < MAX_BODY_BYTES


async def test_deliveries_are_deleted_with_their_evaluation(webhooks: Webhooks) -> None:
    await webhooks.take(RecordingEvaluated(**ABOUT))
    assert await webhooks.take(RecordingEvaluationDeleted(evaluation_id="evl_a", developer_id="dev_a")) == []
