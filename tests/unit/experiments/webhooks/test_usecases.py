"""Endpoints and the log of their deliveries, over stores in memory."""

import dataclasses
import ipaddress
from collections.abc import Iterator
from datetime import timedelta

import pytest

from services.experiments.webhooks import convert, signing
from services.experiments.webhooks.domain import Attempt, Delivery, DeliveryStatus
from services.experiments.webhooks.reach import Reach
from services.experiments.webhooks.sealing import SecretBox
from services.experiments.webhooks.usecases import DeliveryLog, Endpoints
from services.runtime.clock import now
from services.runtime.errors import AlreadyExists, InvalidInput, NotFound, QuotaExceeded, WrongState
from services.runtime.identity import set_caller
from services.runtime.pages import Pages
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_experiments_store import MemoryExperimentsStore
from tests.fakes.memory_webhook_store import MemoryWebhookStore
from tests.unit.experiments.conftest import call_as
from tests.unit.experiments.webhooks.test_announcing import experiment

URL = "https://example.org/done"
BOX = SecretBox("a secret")
EXPERIMENT_ID = "exp_" + "a" * 32
UNKNOWN = "whe_" + "0" * 32


class Desk:
    """The use cases of webhooks."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.experiments = MemoryExperimentsStore()
        self.store = MemoryWebhookStore()
        pages = Pages("a secret")
        reach = Reach((ipaddress.ip_network("127.0.0.0/8"),))
        self.endpoints = Endpoints(self.database, self.store, BOX, pages, reach)
        self.log = DeliveryLog(self.database, self.experiments, self.store, pages)

    async def delivery(self, digit: str = "1", **values: object) -> Delivery:
        """Adds a delivery of an experiment of dev_a to a new endpoint."""
        endpoint, _ = await self.endpoints.create(f"{URL}/{digit}", "")
        plain = Delivery(
            id="msg_" + digit * 32,
            subject_type="experiment",
            subject_id=EXPERIMENT_ID,
            endpoint_id=endpoint.id,
            type="experiment.completed",
            body=b"{}",
            next_attempt_at=now() + timedelta(hours=1),
            created_at=now(),
        )
        given = dataclasses.replace(plain, **values)  # type: ignore[arg-type]
        async with self.database.transaction() as connection:
            await self.experiments.add(connection, experiment(EXPERIMENT_ID), "")
            await self.store.add_delivery(connection, given)
        return given


@pytest.fixture
def desk() -> Iterator[Desk]:
    call_as("dev_a")
    yield Desk()
    set_caller(None)


async def test_a_new_endpoint_comes_with_its_secret(desk: Desk) -> None:
    endpoint, secret = await desk.endpoints.create(URL, "")
    assert await desk.endpoints.get(endpoint.id) == endpoint
    assert (endpoint.developer_id, endpoint.url, endpoint.disabled_reason) == ("dev_a", URL, "")
    opened = BOX.open(endpoint.secret, endpoint.id)
    assert (signing.spelled(opened), len(opened)) == (secret, 32)


async def test_the_same_request_again_returns_the_endpoint_without_its_secret(desk: Desk) -> None:
    endpoint, _ = await desk.endpoints.create(URL, "request 1")
    assert await desk.endpoints.create(URL, "request 1") == (endpoint, "")
    assert await desk.endpoints.create(URL + "/other", "request 1") == (endpoint, "")
    with pytest.raises(AlreadyExists, match="secret can be rotated"):
        await desk.endpoints.create(URL, "request 2")
    call_as("dev_b")
    assert (await desk.endpoints.create(URL, "request 1"))[1] != ""


@pytest.mark.parametrize("url", ["", "ftp://example.org/", "http://10.0.0.1/", "https://a@example.org/"])
async def test_a_url_that_may_not_be_called_makes_no_endpoint(desk: Desk, url: str) -> None:
    with pytest.raises(InvalidInput) as error:
        await desk.endpoints.create(url, "r" * 101)
    assert [violation.field for violation in error.value.violations] == ["url", "request_id"]
    assert (await desk.endpoints.create("http://127.0.0.1:9000/", ""))[1] != ""


async def test_there_are_no_more_endpoints_than_there_may_be(desk: Desk) -> None:
    for n in range(100):
        await desk.endpoints.create(f"{URL}/{n}", "")
    with pytest.raises(QuotaExceeded, match="100"):
        await desk.endpoints.create(URL, "")


async def test_endpoints_are_listed_in_pages(desk: Desk) -> None:
    made = [(await desk.endpoints.create(f"{URL}/{n}", ""))[0] for n in range(3)]
    first, token = await desk.endpoints.page(2, "")
    second, end = await desk.endpoints.page(2, token)
    assert sorted(one.id for one in (*first, *second)) == sorted(one.id for one in made)
    assert (len(first), len(second), end) == (2, 1, "")
    call_as("dev_b")
    with pytest.raises(InvalidInput, match="page_token"):
        await desk.endpoints.page(2, token)


async def test_a_rotated_secret_overlaps_with_the_old_one(desk: Desk) -> None:
    endpoint, old = await desk.endpoints.create(URL, "")
    rotated, new = await desk.endpoints.rotate(endpoint.id, 60)
    moment = now()
    opened = [signing.spelled(BOX.open(sealed, endpoint.id)) for sealed in rotated.sealed_secrets(moment)]
    assert opened == [new, old]
    assert len(rotated.sealed_secrets(moment + timedelta(seconds=61))) == 1
    assert convert.endpoint(rotated, moment).HasField("old_secret_expires_at")
    assert not convert.endpoint(rotated, moment + timedelta(seconds=61)).HasField("old_secret_expires_at")
    at_once, _ = await desk.endpoints.rotate(endpoint.id, 0)
    assert (at_once.old_secret, at_once.old_secret_expires_at) == (None, None)


@pytest.mark.parametrize("seconds", [-1, 604801])
async def test_an_overlap_has_limits(desk: Desk, seconds: int) -> None:
    endpoint, _ = await desk.endpoints.create(URL, "")
    with pytest.raises(InvalidInput, match="overlap_seconds: must be 0 to 604800"):
        await desk.endpoints.rotate(endpoint.id, seconds)


async def test_a_disabled_endpoint_is_enabled(desk: Desk) -> None:
    endpoint, _ = await desk.endpoints.create(URL, "")
    async with desk.database.transaction() as connection:
        await desk.store.disable(connection, endpoint.id, "it answered 410")
        await desk.store.pause(connection, endpoint.id, now())
    assert not convert.endpoint(await desk.endpoints.get(endpoint.id), now()).enabled
    assert await desk.endpoints.enable(endpoint.id) == endpoint
    assert await desk.endpoints.enable(endpoint.id) == endpoint


async def test_what_waits_for_a_deleted_endpoint_is_given_up(desk: Desk) -> None:
    given = await desk.delivery()
    await desk.endpoints.delete(given.endpoint_id)
    ((left, _),), _ = await desk.log.page(EXPERIMENT_ID, 0, "")
    assert (left.status, left.error_message) == (DeliveryStatus.FAILED, "the endpoint was deleted")
    with pytest.raises(WrongState, match="was deleted"):
        await desk.log.redeliver(EXPERIMENT_ID, given.id)
    with pytest.raises(NotFound):
        await desk.endpoints.delete(given.endpoint_id)


async def test_other_developers_find_nothing(desk: Desk) -> None:
    given = await desk.delivery()
    call_as("dev_b")
    calls = (
        desk.endpoints.get(given.endpoint_id),
        desk.endpoints.delete(given.endpoint_id),
        desk.endpoints.rotate(given.endpoint_id, 0),
        desk.endpoints.enable(given.endpoint_id),
        desk.endpoints.get(UNKNOWN),
        desk.log.page(EXPERIMENT_ID, 0, ""),
        desk.log.redeliver(EXPERIMENT_ID, given.id),
    )
    for call in calls:
        with pytest.raises(NotFound):
            await call


async def test_the_log_has_every_attempt(desk: Desk) -> None:
    given = [await desk.delivery(digit) for digit in "123"]
    attempt = Attempt(attempted_at=now(), response_status=500, error="it answered 500", duration_ms=1.0, by_hand=False)
    async with desk.database.transaction() as connection:
        await desk.store.add_attempt(connection, given[2].id, attempt)
    first, token = await desk.log.page(EXPERIMENT_ID, 2, "")
    second, end = await desk.log.page(EXPERIMENT_ID, 2, token)
    assert [delivery.id for delivery, _ in (*first, *second)] == [one.id for one in reversed(given)]
    assert [list(attempts) for _, attempts in (*first, *second)] == [[attempt], [], []]
    assert end == ""


@pytest.mark.parametrize("status", list(DeliveryStatus))
async def test_a_delivery_is_asked_for_again_whatever_came_of_it(desk: Desk, status: DeliveryStatus) -> None:
    waiting = status is DeliveryStatus.PENDING
    given = await desk.delivery(status=status, **({} if waiting else {"next_attempt_at": None}))
    asked, attempts = await desk.log.redeliver(EXPERIMENT_ID, given.id)
    assert dataclasses.replace(asked, asked_at=None) == given
    shown = convert.delivery(asked, attempts)
    assert (shown.id, shown.status, shown.next_attempt_at.ToDatetime()) == (
        given.id,
        shown.Status.pending,
        asked.asked_at.replace(tzinfo=None),
    )
    with pytest.raises(WrongState, match="under way"):
        await desk.log.redeliver(EXPERIMENT_ID, given.id)


async def test_a_delivery_is_not_asked_for_while_an_attempt_is_under_way(desk: Desk) -> None:
    leased = await desk.delivery(lease="lse_1", leased_until=now() + timedelta(minutes=1))
    with pytest.raises(WrongState, match="under way"):
        await desk.log.redeliver(EXPERIMENT_ID, leased.id)
    over = await desk.delivery("2", lease="lse_1", leased_until=now() - timedelta(minutes=1))
    assert (await desk.log.redeliver(EXPERIMENT_ID, over.id))[0].asked_at is not None


async def test_a_disabled_endpoint_is_not_told_by_hand(desk: Desk) -> None:
    given = await desk.delivery()
    async with desk.database.transaction() as connection:
        await desk.store.disable(connection, given.endpoint_id, "it answered 410")
    with pytest.raises(WrongState, match="disabled: it answered 410"):
        await desk.log.redeliver(EXPERIMENT_ID, given.id)


async def test_attempts_by_hand_have_an_end(desk: Desk) -> None:
    given = await desk.delivery()
    attempt = Attempt(attempted_at=now(), response_status=500, error="", duration_ms=1.0, by_hand=True)
    async with desk.database.transaction() as connection:
        for _ in range(100):
            await desk.store.add_attempt(connection, given.id, attempt)
    with pytest.raises(WrongState, match="100 times"):
        await desk.log.redeliver(EXPERIMENT_ID, given.id)


async def test_a_delivery_of_another_experiment_is_not_found(desk: Desk) -> None:
    given = await desk.delivery()
    other = "exp_" + "b" * 32
    async with desk.database.transaction() as connection:
        await desk.experiments.add(connection, experiment(other), "")
    with pytest.raises(NotFound, match="webhook delivery"):
        await desk.log.redeliver(other, given.id)
