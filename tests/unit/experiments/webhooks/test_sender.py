"""Sending what waits, over a store in memory, with clock, network and chance in the tests' hands."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from standardwebhooks import Webhook

from services.experiments.webhooks import signing
from services.experiments.webhooks.announcing import wake
from services.experiments.webhooks.domain import SCHEDULE, Answer, Attempt, Delivery, DeliveryStatus, Endpoint, Outcome
from services.experiments.webhooks.sealing import SecretBox
from services.experiments.webhooks.sender import LEASE, Sender
from services.runtime.clock import now as clock_now
from services.runtime.db import DISCONNECTED
from tests.fakes.memory_database import MemoryDatabase, table
from tests.fakes.memory_webhook_store import MemoryWebhookStore

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BOX = SecretBox("a secret")
SECRET, OLD_SECRET = b"s" * 32, b"o" * 32
WAIT_SECONDS = 5.0
OK = Answer(outcome=Outcome.DELIVERED, response_status=200)
GONE = Answer(outcome=Outcome.GONE, response_status=410, error="it answered 410")
REFUSED = Answer(outcome=Outcome.REFUSED, response_status=500, error="it answered 500")
BUSY = Answer(outcome=Outcome.THROTTLED, response_status=429, error="it answered 429", retry_after=MINUTE)


class Desk:
    """A sender whose network answers as `answers` says by URL; `hang` is never answered."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.store = MemoryWebhookStore()
        self.time = clock_now()
        self.answers: dict[str, Answer | Exception] = {}
        self.posts: list[tuple[str, Mapping[str, str], bytes]] = []
        self.came = asyncio.Condition()
        self.under_way = 0
        self.sender = self.another_sender()

    def another_sender(self) -> Sender:
        return Sender(self.database, self.store, BOX, self.post, now=lambda: self.time, jitter=lambda: 0.0)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        async with self.came:
            self.posts.append((url, headers, body))
            self.came.notify_all()
        self.under_way += 1
        try:
            if "hang" in url:
                await asyncio.Event().wait()
        finally:
            self.under_way -= 1
        answer = self.answers.get(url, OK)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def endpoint(self, name: str, *, owner: str = "dev_a", **values: object) -> None:
        id_ = f"whe_{name}"
        plain = Endpoint(
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

    async def found_endpoint(self, name: str = "good") -> Endpoint:
        async with self.database.reading() as connection:
            found = await self.store.endpoint(connection, f"whe_{name}")
        assert found is not None
        return found

    async def attempts(self, name: str) -> list[Attempt]:
        async with self.database.reading() as connection:
            return list(await self.store.attempts(connection, f"msg_{name}"))

    async def send(self) -> int:
        """Attempts all that is due once, and returns how many that were."""
        claims = await self.sender.claim()
        await asyncio.gather(*(self.sender.attempt(claim) for claim in claims))
        return len(claims)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """The sender's own loop."""
        task = asyncio.create_task(self.sender.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until a condition holds, which it may do once something is posted."""
        async with asyncio.timeout(WAIT_SECONDS), self.came:
            await self.came.wait_for(condition)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_delivery_is_signed_and_sent_and_noted(desk: Desk) -> None:
    await desk.endpoint("good")
    await desk.delivery("a", traceparent="00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
    assert await desk.send() == 1
    ((url, headers, body),) = desk.posts
    assert url == "https://good"
    assert headers["webhook-id"] == "msg_a"
    assert Webhook(signing.spelled(SECRET)).verify(body, dict(headers)) == {"type": "experiment.completed"}
    assert headers["traceparent"].split("-")[1] == "0123456789abcdef0123456789abcdef"
    after = await desk.found("a")
    assert (after.status, after.next_attempt_at, after.lease) == (DeliveryStatus.DELIVERED, None, None)
    (attempt,) = await desk.attempts("a")
    assert (attempt.attempted_at, attempt.response_status, attempt.error) == (desk.time, 200, "")
    assert not attempt.by_hand
    assert await desk.send() == 0


async def test_both_secrets_sign_while_they_overlap(desk: Desk) -> None:
    await desk.endpoint("good", old_secret=BOX.seal(OLD_SECRET, "whe_good"), old_secret_expires_at=desk.time + MINUTE)
    await desk.delivery("a")
    await desk.send()
    ((_, headers, body),) = desk.posts
    for secret in (SECRET, OLD_SECRET):
        Webhook(signing.spelled(secret)).verify(body, dict(headers))


async def test_attempts_follow_the_schedule_with_one_id(desk: Desk) -> None:
    await desk.endpoint("good")
    await desk.delivery("a")
    desk.answers["https://good"] = REFUSED
    waits = []
    while (due := (await desk.found("a")).next_attempt_at) is not None:
        waits.append(due - desk.time)
        desk.time = due - SECOND / 1000
        assert await desk.send() == 0
        desk.time = due
        assert await desk.send() == 1
    assert waits == list(SCHEDULE)
    assert {headers["webhook-id"] for _, headers, _ in desk.posts} == {"msg_a"}
    assert [headers["webhook-timestamp"] for _, headers, _ in desk.posts] == [
        str(int(attempt.attempted_at.timestamp())) for attempt in await desk.attempts("a")
    ]
    after = await desk.found("a")
    assert (after.status, after.error_message) == (DeliveryStatus.FAILED, "it answered 500")
    assert len(await desk.attempts("a")) == 10


async def test_a_410_disables_the_endpoint_and_gives_up_what_waits_for_it(desk: Desk) -> None:
    await desk.endpoint("good")
    await desk.endpoint("other")
    desk.answers["https://good"] = GONE
    await desk.delivery("a")
    await desk.delivery("later", next_attempt_at=desk.time + MINUTE)
    await desk.delivery("other", "other", next_attempt_at=desk.time + MINUTE)
    await desk.send()
    reason = "it answered 410, which says that it wants no more"
    assert (await desk.found_endpoint()).disabled_reason == reason
    for name in ("a", "later"):
        given_up = await desk.found(name)
        assert (given_up.status, given_up.next_attempt_at) == (DeliveryStatus.FAILED, None)
        assert given_up.error_message == f"the endpoint was disabled: {reason}"
    assert [len(await desk.attempts(name)) for name in ("a", "later")] == [1, 0]
    assert (await desk.found("other")).status is DeliveryStatus.PENDING


async def test_an_endpoint_that_asks_for_less_gets_nothing_for_a_while(desk: Desk) -> None:
    await desk.endpoint("good")
    desk.answers["https://good"] = BUSY
    await desk.delivery("a")
    await desk.send()
    await desk.delivery("b")
    assert await desk.send() == 0
    desk.time += MINUTE
    desk.answers.clear()
    assert await desk.send() == 2
    assert (await desk.found_endpoint()).paused_until is None


async def test_a_longer_pause_is_not_shortened(desk: Desk) -> None:
    await desk.endpoint("good", paused_until=desk.time + 5 * MINUTE)
    desk.answers["https://good"] = BUSY
    await desk.delivery("a", asked_at=desk.time)
    await desk.send()
    assert (await desk.found_endpoint()).paused_until == desk.time + 5 * MINUTE


async def test_an_attempt_by_hand_is_made_at_once_and_noted_as_such(desk: Desk) -> None:
    await desk.endpoint("good", paused_until=desk.time + MINUTE)
    await desk.delivery("a", status=DeliveryStatus.FAILED, next_attempt_at=None, asked_at=desk.time)
    await desk.send()
    assert (await desk.found("a")).status is DeliveryStatus.DELIVERED
    assert [attempt.by_hand for attempt in await desk.attempts("a")] == [True]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (RuntimeError("a bug"), "it could not be attempted, by a fault of this server"),
        (None, "the endpoint's secret can't be read any more; rotate it to have a new one"),
    ],
)
async def test_a_fault_of_one_delivery_is_its_own(desk: Desk, fault: Exception | None, error: str) -> None:
    await desk.endpoint("good")
    await desk.endpoint("bad", **({} if fault else {"secret": b"sealed by somebody else, long ago"}))
    if fault:
        desk.answers["https://bad"] = fault
    await desk.delivery("a", "bad")
    await desk.delivery("b")
    await desk.send()
    assert (await desk.found("b")).status is DeliveryStatus.DELIVERED
    failed = await desk.found("a")
    assert (failed.status, failed.error_message) == (DeliveryStatus.PENDING, error)
    assert failed.next_attempt_at == desk.time + 5 * SECOND


async def test_what_a_killed_process_was_at_comes_back_after_its_lease(desk: Desk) -> None:
    await desk.endpoint("good")
    await desk.delivery("a")
    assert len(await desk.another_sender().claim()) == 1
    assert await desk.send() == 0
    desk.time += LEASE
    assert await desk.send() == 1
    assert (await desk.found("a")).status is DeliveryStatus.DELIVERED


async def test_of_a_process_that_comes_back_late_only_a_success_counts(desk: Desk) -> None:
    await desk.endpoint("good")
    await desk.delivery("a")
    late = desk.another_sender()
    (claim,) = await late.claim()
    desk.time += LEASE
    (taken,) = await desk.sender.claim()
    desk.answers["https://good"] = REFUSED
    await late.attempt(claim)
    unchanged = await desk.found("a")
    assert (unchanged.lease, unchanged.attempts_made) == (taken.lease, 0)
    desk.answers["https://good"] = OK
    await late.attempt(claim)
    desk.answers["https://good"] = REFUSED
    await desk.sender.attempt(taken)
    assert (await desk.found("a")).status is DeliveryStatus.DELIVERED
    assert [attempt.response_status for attempt in await desk.attempts("a")] == [500, 200, 500]


async def test_an_experiment_that_is_deleted_meanwhile_leaves_nothing(desk: Desk) -> None:
    await desk.endpoint("good")
    await desk.delivery("a")
    (claim,) = await desk.sender.claim()
    async with desk.database.transaction() as connection:
        table(connection, "webhook_deliveries").clear()
    await desk.sender.attempt(claim)
    assert await desk.attempts("a") == []


async def test_outcomes_and_what_is_due_are_counted(desk: Desk) -> None:
    def counted(outcome: str) -> float:
        return REGISTRY.get_sample_value("voicearena_webhook_attempts_total", {"outcome": outcome}) or 0.0

    before = counted("delivered"), counted("throttled")
    await desk.endpoint("good")
    await desk.endpoint("busy")
    desk.answers["https://busy"] = BUSY
    await desk.delivery("a", next_attempt_at=desk.time - MINUTE)
    await desk.delivery("b", "busy")
    await desk.send()
    assert REGISTRY.get_sample_value("voicearena_webhook_oldest_pending_seconds") == 60.0
    assert (counted("delivered"), counted("throttled")) == (before[0] + 1, before[1] + 1)
    await desk.send()
    assert REGISTRY.get_sample_value("voicearena_webhook_oldest_pending_seconds") == 0.0


async def test_receivers_that_hang_cost_nobody_else_anything(desk: Desk) -> None:
    for n in range(3):
        await desk.endpoint(f"hang{n}")
        for m in range(10):
            await desk.delivery(f"{n}_{m}", f"hang{n}")
    await desk.endpoint("good", owner="dev_b")
    async with desk.running():
        await desk.until(lambda: desk.under_way == 12)
        for m in range(50):
            await desk.delivery(f"good_{m}")
        await desk.until(lambda: sum(url == "https://good" for url, _, _ in desk.posts) == 50)
        assert desk.under_way == 12


async def test_an_endless_loop_ends_with_its_leases_given_back(desk: Desk) -> None:
    await desk.endpoint("hang")
    await desk.delivery("a", "hang")
    async with desk.running():
        await desk.until(lambda: desk.under_way == 1)
        assert (await desk.found("a")).lease is not None
    assert desk.under_way == 0
    assert (await desk.found("a")).lease is None
    assert len(await desk.another_sender().claim()) == 1


async def test_a_database_that_is_away_for_a_moment_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.experiments.webhooks.sender.NOTE_RETRY_SECONDS", 0.0)
    await desk.endpoint("good")
    await desk.delivery("a")
    (claim,) = await desk.sender.claim()
    away = DISCONNECTED[2]("gone")
    faults = [away, away]
    transaction = desk.database.transaction

    def flaky():  # type: ignore[no-untyped-def]
        if faults:
            raise faults.pop()
        return transaction()

    monkeypatch.setattr(desk.database, "transaction", flaky)
    await desk.sender.attempt(claim)
    assert len(desk.posts) == 1
    assert (await desk.found("a")).status is DeliveryStatus.DELIVERED
