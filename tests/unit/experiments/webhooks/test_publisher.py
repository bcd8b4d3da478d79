"""Webhook deliveries for ended experiments, and when the secret of a new endpoint is shown."""

import dataclasses
import json
from datetime import UTC, datetime

import pytest
from google.protobuf.message import Message

from services.experiments import facts
from services.experiments.domain import EvalMode, Experiment, ExperimentStatus, ModelSpec
from services.experiments.webhooks import signing
from services.experiments.webhooks.domain import Delivery, DeliveryStatus
from services.experiments.webhooks.messages import MAX_BODY_BYTES, MESSAGE_TYPES
from services.experiments.webhooks.publisher import WebhookPublisher
from services.experiments.webhooks.secret_box import SecretBox
from services.experiments.webhooks.ssrf_guard.policy import SsrfPolicy
from services.experiments.webhooks.usecases import WebhookEndpoints
from services.runtime import telemetry
from services.runtime.errors import QuotaExceeded
from services.runtime.pages import Pages
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_webhook_store import MemoryWebhookStore

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "https://example.org/done"
PUBLIC_URL = "https://arena.example.com"
BOX = SecretBox("a secret")
RUN_TRACE = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
TRACE = "00-" + "3" * 32 + "-" + "4" * 16 + "-01"


def experiment(id_: str = "exp_a", **values: object) -> Experiment:
    plain = Experiment(
        id=id_,
        developer_id="dev_a",
        name="Wer spricht schöner?",
        scenario="general",
        eval_mode=EvalMode.AUTOMATED,
        status=ExperimentStatus.COMPLETED,
        models=[ModelSpec("espeak", "en"), ModelSpec("espeak", "de")],
        prompts=["Hello."],
        webhook_url=URL,
        primary_metric="composite_per_prompt",
        audio_retention_days=30,
        total_trials=4,
        completed_trials=3,
        failed_trials=1,
        created_at=NOON,
        ended_at=NOON,
        traceparent=RUN_TRACE,
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


def fact_of(ended: Experiment, winner: str | None = None) -> Message:
    match ended.status:
        case ExperimentStatus.COMPLETED:
            return facts.experiment_completed(ended, winner)
        case ExperimentStatus.FAILED:
            return facts.experiment_failed(ended)
        case _:
            return facts.experiment_cancelled(ended)


def body(ended: Experiment, winner: str | None = None) -> bytes:
    fact = fact_of(ended, winner)
    message_type = MESSAGE_TYPES[type(fact)]
    return message_type.build(fact, ended, PUBLIC_URL).body(message_type.type)


class Webhooks:
    """The publisher of facts and the use cases of endpoints, in memory."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.store = MemoryWebhookStore()
        self.publisher = WebhookPublisher(self.database, self.store, PUBLIC_URL)
        self.endpoints = WebhookEndpoints(self.database, self.store, BOX, Pages("a secret"), SsrfPolicy())

    async def plan(self, *experiments: Experiment) -> None:
        async with self.database.transaction() as connection:
            for one in experiments:
                await self.endpoints.make_for(connection, one)

    async def end(self, ended: Experiment, winner: str | None = None) -> list[Delivery]:
        async with self.database.transaction() as connection:
            await self.publisher.record(connection, fact_of(ended, winner), ended)
        async with self.database.reading() as connection:
            found = await self.store.deliveries(connection, "experiment", ended.id, after=None, limit=9)
        return [delivery for delivery, _ in found]


@pytest.fixture
def webhooks() -> Webhooks:
    return Webhooks()


async def test_the_message_of_a_completed_experiment_has_its_winner_and_results_url(webhooks: Webhooks) -> None:
    await webhooks.plan(experiment())
    (delivery,) = await webhooks.end(experiment(), "espeak:en")
    assert json.loads(delivery.body) == {
        "type": "experiment.completed",
        "timestamp": "2026-01-01T12:00:00.000Z",
        "data": {
            "experiment_id": "exp_a",
            "name": "Wer spricht schöner?",
            "status": "completed",
            "winner": "espeak:en",
            "total_trials": 4,
            "completed_trials": 3,
            "failed_trials": 1,
            "error_message": "",
            "results_url": "https://arena.example.com/api/v1/experiments/exp_a/results",
        },
    }
    assert delivery.id.startswith("msg_")
    assert (delivery.type, delivery.status) == ("experiment.completed", DeliveryStatus.PENDING)
    assert delivery.next_attempt_at == delivery.created_at


@pytest.mark.parametrize(
    ("status", "message"),
    [(ExperimentStatus.FAILED, "results could not be computed"), (ExperimentStatus.CANCELLED, "")],
)
async def test_the_message_of_a_failed_or_cancelled_experiment_has_no_results_url(
    webhooks: Webhooks, status: ExperimentStatus, message: str
) -> None:
    ended = experiment(status=status, error_message=message)
    await webhooks.plan(ended)
    (delivery,) = await webhooks.end(ended)
    assert delivery.type == f"experiment.{status}"
    data = json.loads(delivery.body)["data"]
    assert (data["status"], data["error_message"], data["winner"], data["results_url"]) == (status, message, None, None)


def test_the_largest_message_is_below_the_documented_limit() -> None:
    largest = experiment(name="😀" * 200, error_message='"' * 500)
    assert len(body(largest, "😀" * 501)) < MAX_BODY_BYTES
    with pytest.raises(ValueError, match="has not ended"):
        body(experiment(ended_at=None))


async def test_an_experiment_without_a_webhook_has_no_delivery(webhooks: Webhooks) -> None:
    await webhooks.plan(experiment(webhook_url=""))
    assert await webhooks.end(experiment(webhook_url="")) == []
    assert await webhooks.endpoints.secret_to_show(experiment(webhook_url="")) == ""


async def test_a_deleted_endpoint_gets_no_delivery(webhooks: Webhooks) -> None:
    assert await webhooks.end(experiment()) == []


async def test_a_disabled_endpoint_gets_a_failed_delivery_that_can_be_sent_by_hand(webhooks: Webhooks) -> None:
    await webhooks.plan(experiment())
    async with webhooks.database.transaction() as connection:
        endpoint = await webhooks.store.endpoint_at(connection, "dev_a", URL)
        assert endpoint is not None
        await webhooks.store.disable(connection, endpoint.id, "the receiver responded with status 410")
    (delivery,) = await webhooks.end(experiment())
    assert (delivery.status, delivery.next_attempt_at) == (DeliveryStatus.FAILED, None)
    assert delivery.error_message == "the endpoint was disabled: the receiver responded with status 410"


async def test_a_delivery_continues_the_trace_that_ended_its_experiment(webhooks: Webhooks) -> None:
    await webhooks.plan(experiment())
    assert [one.traceparent for one in await webhooks.end(experiment())] == [RUN_TRACE]
    with telemetry.span("a vote", TRACE, telemetry.SpanKind.SERVER):
        (delivery,) = await webhooks.end(experiment("exp_b"))
    assert delivery.traceparent.split("-")[1] == TRACE.split("-")[1]


async def test_the_secret_of_a_new_url_is_shown_once(webhooks: Webhooks) -> None:
    first, second, other = experiment(), experiment("exp_b"), experiment("exp_c", developer_id="dev_b")
    await webhooks.plan(first, second, other)
    shown = await webhooks.endpoints.secret_to_show(first)
    async with webhooks.database.reading() as connection:
        endpoint = await webhooks.store.endpoint_at(connection, "dev_a", URL)
    assert endpoint is not None
    assert shown == signing.encoded(BOX.open(endpoint.secret, endpoint.id))
    assert [await webhooks.endpoints.secret_to_show(one) for one in (first, second)] == ["", ""]
    assert await webhooks.endpoints.secret_to_show(other) not in ("", shown)


async def test_a_developer_can_have_at_most_100_endpoints(webhooks: Webhooks) -> None:
    await webhooks.plan(*(experiment(f"exp_{n}", webhook_url=f"{URL}/{n}") for n in range(100)))
    with pytest.raises(QuotaExceeded, match="100 webhook endpoints"):
        await webhooks.plan(experiment())
    await webhooks.plan(experiment(webhook_url=f"{URL}/7"), experiment(developer_id="dev_b"))
