"""Sending due deliveries, over an in-memory store, with a clock, a network and a jitter that the tests set."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from standardwebhooks import Webhook

from services.experiments.webhooks import signing
from services.experiments.webhooks.domain import (
    SCHEDULE,
    Attempt,
    AttemptOutcome,
    AttemptResult,
    Delivery,
    DeliveryStatus,
    WebhookEndpoint,
)
from services.experiments.webhooks.publisher import wake
from services.experiments.webhooks.secret_box import SecretBox
from services.experiments.webhooks.sender import LEASE, Sender
from services.runtime.clock import now as clock_now
from services.runtime.db import DISCONNECTED
from tests.fakes.memory_database import MemoryDatabase, table
from tests.fakes.memory_webhook_store import MemoryWebhookStore

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BOX = SecretBox("a secret")
SECRET, OLD_SECRET = b"s" * 32, b"o" * 32
WAIT_SECONDS = 5.0
OK = AttemptResult(outcome=AttemptOutcome.DELIVERED, response_status=200)
GONE = AttemptResult(outcome=AttemptOutcome.GONE, response_status=410, error="the receiver responded with status 410")
REFUSED = AttemptResult(
    outcome=AttemptOutcome.REFUSED, response_status=500, error="the receiver responded with status 500"
)
BUSY = AttemptResult(
    outcome=AttemptOutcome.THROTTLED,
    response_status=429,
    error="the receiver responded with status 429",
    retry_after=MINUTE,
)


class Webhooks:
    """A sender and its network. `results` holds the result for each URL; a URL with "hang" never responds."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.store = MemoryWebhookStore()
        self.time = clock_now()
        self.results: dict[str, AttemptResult | Exception] = {}
        self.posts: list[tuple[str, Mapping[str, str], bytes]] = []
        self.posted = asyncio.Condition()
        self.in_progress = 0
        self.sender = self.another_sender()

    def another_sender(self) -> Sender:
        return Sender(self.database, self.store, BOX, self.post, now=lambda: self.time, jitter=lambda: 0.0)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> AttemptResult:
        async with self.posted:
            self.posts.append((url, headers, body))
            self.posted.notify_all()
        self.in_progress += 1
        try:
            if "hang" in url:
                await asyncio.Event().wait()
        finally:
            self.in_progress -= 1
        result = self.results.get(url, OK)
        if isinstance(result, Exception):
            raise result
        return result

    async def endpoint(self, name: str, *, owner: str = "dev_a", **values: object) -> None:
        id_ = f"whe_{name}"
        plain = WebhookEndpoint(
            id=id_, developer_id=owner, url=f"https://{name}", secret=BOX.seal(SECRET, id_), created_at=self.time
        )
        async with self.database.transaction() as connection:
            await self.store.add_endpoint(connection, dataclasses.replace(plain, **values))  # type: ignore[arg-type]

    async def delivery(self, name: str, to: str = "good", **values: object) -> None:
        plain = Delivery(
            id=f"msg_{name}",
            subject_type="experiment",
            subject_id="exp_a",
            endpoint_id=f"whe_{to}",
            type="experiment.completed",
            body=b'{"type":"experiment.completed"}',
            next_attempt_at=self.time,
            created_at=self.time,
        )
        async with self.database.transaction() as connection:
            await self.store.add_delivery(connection, dataclasses.replace(plain, **values))  # type: ignore[arg-type]
            await wake(connection)

    async def found(self, name: str) -> Delivery:
        async with self.database.reading() as connection:
            found = await self.store.delivery(connection, f"msg_{name}")
        assert found is not None
        return found

    async def found_endpoint(self, name: str = "good") -> WebhookEndpoint:
        async with self.database.reading() as connection:
            found = await self.store.endpoint(connection, f"whe_{name}")
        assert found is not None
        return found

    async def attempts(self, name: str) -> list[Attempt]:
        async with self.database.reading() as connection:
            return list(await self.store.attempts(connection, f"msg_{name}"))

    async def send(self) -> int:
        """Attempts all due deliveries once, and returns how many there were."""
        claims = await self.sender.claim()
        await asyncio.gather(*(self.sender.attempt(claim) for claim in claims))
        return len(claims)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """Runs the sender's own loop."""
        task = asyncio.create_task(self.sender.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until a condition holds. It is checked after each post."""
        async with asyncio.timeout(WAIT_SECONDS), self.posted:
            await self.posted.wait_for(condition)


@pytest.fixture
def webhooks() -> Webhooks:
    return Webhooks()


async def test_a_delivery_is_signed_sent_and_recorded(webhooks: Webhooks) -> None:
    await webhooks.endpoint("good")
    await webhooks.delivery("a", traceparent="00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
    assert await webhooks.send() == 1
    ((url, headers, body),) = webhooks.posts
    assert url == "https://good"
    assert headers["webhook-id"] == "msg_a"
    assert Webhook(signing.encoded(SECRET)).verify(body, dict(headers)) == {"type": "experiment.completed"}
    assert headers["traceparent"].split("-")[1] == "0123456789abcdef0123456789abcdef"
    after = await webhooks.found("a")
    assert (after.status, after.next_attempt_at, after.lease) == (DeliveryStatus.DELIVERED, None, None)
    (attempt,) = await webhooks.attempts("a")
    assert (attempt.attempted_at, attempt.response_status, attempt.error) == (webhooks.time, 200, "")
    assert not attempt.by_hand
    assert await webhooks.send() == 0


async def test_both_secrets_sign_while_they_overlap(webhooks: Webhooks) -> None:
    await webhooks.endpoint(
        "good", old_secret=BOX.seal(OLD_SECRET, "whe_good"), old_secret_expires_at=webhooks.time + MINUTE
    )
    await webhooks.delivery("a")
    await webhooks.send()
    ((_, headers, body),) = webhooks.posts
    for secret in (SECRET, OLD_SECRET):
        Webhook(signing.encoded(secret)).verify(body, dict(headers))


async def test_attempts_follow_the_schedule_and_share_one_message_id(webhooks: Webhooks) -> None:
    await webhooks.endpoint("good")
    await webhooks.delivery("a")
    webhooks.results["https://good"] = REFUSED
    waits = []
    while (due := (await webhooks.found("a")).next_attempt_at) is not None:
        waits.append(due - webhooks.time)
        webhooks.time = due - SECOND / 1000
        assert await webhooks.send() == 0
        webhooks.time = due
        assert await webhooks.send() == 1
    assert waits == list(SCHEDULE)
    assert {headers["webhook-id"] for _, headers, _ in webhooks.posts} == {"msg_a"}
    assert [headers["webhook-timestamp"] for _, headers, _ in webhooks.posts] == [
        str(int(attempt.attempted_at.timestamp())) for attempt in await webhooks.attempts("a")
    ]
    after = await webhooks.found("a")
    assert (after.status, after.error_message) == (DeliveryStatus.FAILED, "the receiver responded with status 500")
    assert len(await webhooks.attempts("a")) == 10


async def test_a_410_disables_the_endpoint_and_gives_up_its_deliveries(webhooks: Webhooks) -> None:
    await webhooks.endpoint("good")
    await webhooks.endpoint("other")
    webhooks.results["https://good"] = GONE
    await webhooks.delivery("a")
    await webhooks.delivery("later", next_attempt_at=webhooks.time + MINUTE)
    await webhooks.delivery("other", "other", next_attempt_at=webhooks.time + MINUTE)
    await webhooks.send()
    reason = "the receiver responded with status 410 (Gone)"
    assert (await webhooks.found_endpoint()).disabled_reason == reason
    for name in ("a", "later"):
        given_up = await webhooks.found(name)
        assert (given_up.status, given_up.next_attempt_at) == (DeliveryStatus.FAILED, None)
        assert given_up.error_message == f"the endpoint was disabled: {reason}"
    assert [len(await webhooks.attempts(name)) for name in ("a", "later")] == [1, 0]
    assert (await webhooks.found("other")).status is DeliveryStatus.PENDING


async def test_a_throttling_endpoint_receives_nothing_during_its_pause(webhooks: Webhooks) -> None:
    await webhooks.endpoint("good")
    webhooks.results["https://good"] = BUSY
    await webhooks.delivery("a")
    await webhooks.send()
    await webhooks.delivery("b")
    assert await webhooks.send() == 0
    webhooks.time += MINUTE
    webhooks.results.clear()
    assert await webhooks.send() == 2
    assert (await webhooks.found_endpoint()).paused_until is None


async def test_a_shorter_pause_does_not_end_a_longer_one(webhooks: Webhooks) -> None:
    await webhooks.endpoint("good", paused_until=webhooks.time + 5 * MINUTE)
    webhooks.results["https://good"] = BUSY
    await webhooks.delivery("a", asked_at=webhooks.time)
    await webhooks.send()
    assert (await webhooks.found_endpoint()).paused_until == webhooks.time + 5 * MINUTE


async def test_an_attempt_by_hand_ignores_the_pause_and_is_recorded_as_such(webhooks: Webhooks) -> None:
    await webhooks.endpoint("good", paused_until=webhooks.time + MINUTE)
    await webhooks.delivery("a", status=DeliveryStatus.FAILED, next_attempt_at=None, asked_at=webhooks.time)
    await webhooks.send()
    assert (await webhooks.found("a")).status is DeliveryStatus.DELIVERED
    assert [attempt.by_hand for attempt in await webhooks.attempts("a")] == [True]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (RuntimeError("a bug"), "an internal error of this server prevented it"),
        (None, "the endpoint's secret can't be decrypted; rotate it to get a new one"),
    ],
)
async def test_an_internal_error_in_one_delivery_does_not_affect_others(
    webhooks: Webhooks, fault: Exception | None, error: str
) -> None:
    await webhooks.endpoint("good")
    await webhooks.endpoint("bad", **({} if fault else {"secret": b"encrypted with another key, long ago"}))
    if fault:
        webhooks.results["https://bad"] = fault
    await webhooks.delivery("a", "bad")
    await webhooks.delivery("b")
    await webhooks.send()
    assert (await webhooks.found("b")).status is DeliveryStatus.DELIVERED
    failed = await webhooks.found("a")
    assert (failed.status, failed.error_message) == (DeliveryStatus.PENDING, error)
    assert failed.next_attempt_at == webhooks.time + 5 * SECOND


async def test_a_delivery_of_a_killed_process_is_sent_again_after_its_lease(webhooks: Webhooks) -> None:
    await webhooks.endpoint("good")
    await webhooks.delivery("a")
    assert len(await webhooks.another_sender().claim()) == 1
    assert await webhooks.send() == 0
    webhooks.time += LEASE
    assert await webhooks.send() == 1
    assert (await webhooks.found("a")).status is DeliveryStatus.DELIVERED


async def test_a_result_that_arrives_after_its_lease_counts_only_if_it_is_a_success(webhooks: Webhooks) -> None:
    await webhooks.endpoint("good")
    await webhooks.delivery("a")
    late = webhooks.another_sender()
    (claim,) = await late.claim()
    webhooks.time += LEASE
    (newer,) = await webhooks.sender.claim()
    webhooks.results["https://good"] = REFUSED
    await late.attempt(claim)
    unchanged = await webhooks.found("a")
    assert (unchanged.lease, unchanged.attempts_made) == (newer.lease, 0)
    webhooks.results["https://good"] = OK
    await late.attempt(claim)
    webhooks.results["https://good"] = REFUSED
    await webhooks.sender.attempt(newer)
    assert (await webhooks.found("a")).status is DeliveryStatus.DELIVERED
    assert [attempt.response_status for attempt in await webhooks.attempts("a")] == [500, 200, 500]


async def test_an_experiment_deleted_during_an_attempt_leaves_no_attempts(webhooks: Webhooks) -> None:
    await webhooks.endpoint("good")
    await webhooks.delivery("a")
    (claim,) = await webhooks.sender.claim()
    async with webhooks.database.transaction() as connection:
        table(connection, "webhook_deliveries").clear()
    await webhooks.sender.attempt(claim)
    assert await webhooks.attempts("a") == []


async def test_outcomes_and_the_oldest_due_delivery_are_measured(webhooks: Webhooks) -> None:
    def counted(outcome: str) -> float:
        return REGISTRY.get_sample_value("voicearena_webhook_attempts_total", {"outcome": outcome}) or 0.0

    before = counted("delivered"), counted("throttled")
    await webhooks.endpoint("good")
    await webhooks.endpoint("busy")
    webhooks.results["https://busy"] = BUSY
    await webhooks.delivery("a", next_attempt_at=webhooks.time - MINUTE)
    await webhooks.delivery("b", "busy")
    await webhooks.send()
    assert REGISTRY.get_sample_value("voicearena_webhook_oldest_pending_seconds") == 60.0
    assert (counted("delivered"), counted("throttled")) == (before[0] + 1, before[1] + 1)
    await webhooks.send()
    assert REGISTRY.get_sample_value("voicearena_webhook_oldest_pending_seconds") == 0.0


async def test_hanging_receivers_do_not_delay_other_developers(webhooks: Webhooks) -> None:
    for n in range(3):
        await webhooks.endpoint(f"hang{n}")
        for m in range(10):
            await webhooks.delivery(f"{n}_{m}", f"hang{n}")
    await webhooks.endpoint("good", owner="dev_b")
    async with webhooks.running():
        await webhooks.until(lambda: webhooks.in_progress == 12)
        for m in range(50):
            await webhooks.delivery(f"good_{m}")
        await webhooks.until(lambda: sum(url == "https://good" for url, _, _ in webhooks.posts) == 50)
        assert webhooks.in_progress == 12


async def test_a_cancelled_sender_releases_its_leases(webhooks: Webhooks) -> None:
    await webhooks.endpoint("hang")
    await webhooks.delivery("a", "hang")
    async with webhooks.running():
        await webhooks.until(lambda: webhooks.in_progress == 1)
        assert (await webhooks.found("a")).lease is not None
    assert webhooks.in_progress == 0
    assert (await webhooks.found("a")).lease is None
    assert len(await webhooks.another_sender().claim()) == 1


async def test_a_short_database_outage_loses_no_result(webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.experiments.webhooks.sender.RECORD_RETRY_SECONDS", 0.0)
    await webhooks.endpoint("good")
    await webhooks.delivery("a")
    (claim,) = await webhooks.sender.claim()
    away = DISCONNECTED[2]("gone")
    faults = [away, away]
    transaction = webhooks.database.transaction

    def flaky():  # type: ignore[no-untyped-def]
        if faults:
            raise faults.pop()
        return transaction()

    monkeypatch.setattr(webhooks.database, "transaction", flaky)
    await webhooks.sender.attempt(claim)
    assert len(webhooks.posts) == 1
    assert (await webhooks.found("a")).status is DeliveryStatus.DELIVERED
