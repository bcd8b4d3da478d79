"""The use cases of webhook endpoints and of their delivery log, over in-memory stores."""

import dataclasses
import ipaddress
from collections.abc import Iterator
from datetime import timedelta

import pytest
from voicearena.elo.v1.battle_pb2 import Battle
from voicearena.elo.v1.battle_service_pb2 import GetBattleRequest

from services.experiments.webhooks import convert, signing
from services.experiments.webhooks.domain import BATTLE, EVALUATION, EXPERIMENT, Attempt, Delivery, DeliveryStatus
from services.experiments.webhooks.owners import OwnerCheck, OwnerOfBattles, OwnerOfExperiments
from services.experiments.webhooks.secret_box import SecretBox
from services.experiments.webhooks.ssrf_guard.policy import SsrfPolicy
from services.experiments.webhooks.usecases import DeliveryLog, WebhookEndpoints
from services.runtime.clock import now
from services.runtime.errors import AlreadyExists, InvalidInput, NotFound, QuotaExceeded, WrongState
from services.runtime.identity import current_identity, set_caller
from services.runtime.pages import Pages
from tests.fakes.memory_database import MemoryDatabase
from tests.fakes.memory_experiments_store import MemoryExperimentsStore
from tests.fakes.memory_webhook_store import MemoryWebhookStore
from tests.unit.experiments.conftest import call_as
from tests.unit.experiments.webhooks.test_publisher import experiment

URL = "https://example.org/done"
BOX = SecretBox("a secret")
EXPERIMENT_ID = "exp_" + "a" * 32
EVALUATION_ID = "evl_" + "a" * 32
BATTLE_ID = "bat_" + "a" * 32
UNKNOWN = "whe_" + "0" * 32


class KnownEvaluations:
    """An OwnerCheck that knows one evaluation, of dev_a."""

    async def check(self, subject_id: str) -> None:
        if (subject_id, current_identity().developer_id) != (EVALUATION_ID, "dev_a"):
            raise NotFound.of("evaluation", subject_id)


class PublicBattle:
    """A stub of BattleService with one public battle of dev_a, which everybody can read."""

    async def GetBattle(self, request: GetBattleRequest) -> Battle:  # noqa: N802 - the name of the RPC
        if request.id != BATTLE_ID:
            raise NotFound.of("battle", request.id)
        return Battle(id=request.id, developer_id="dev_a")


class Webhooks:
    """The use cases of webhooks, in memory."""

    def __init__(self) -> None:
        self.database = MemoryDatabase("experiments")
        self.experiments = MemoryExperimentsStore()
        self.store = MemoryWebhookStore()
        pages = Pages("a secret")
        policy = SsrfPolicy((ipaddress.ip_network("127.0.0.0/8"),))
        self.endpoints = WebhookEndpoints(self.database, self.store, BOX, pages, policy)
        owners: dict[str, OwnerCheck] = {
            EXPERIMENT: OwnerOfExperiments(self.database, self.experiments),
            EVALUATION: KnownEvaluations(),
            BATTLE: OwnerOfBattles(PublicBattle()),  # type: ignore[arg-type]
        }
        self.log = DeliveryLog(self.database, owners, self.store, pages)

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
def webhooks() -> Iterator[Webhooks]:
    call_as("dev_a")
    yield Webhooks()
    set_caller(None)


async def test_a_new_endpoint_comes_with_its_secret(webhooks: Webhooks) -> None:
    endpoint, secret = await webhooks.endpoints.create(URL, "")
    assert await webhooks.endpoints.get(endpoint.id) == endpoint
    assert (endpoint.developer_id, endpoint.url, endpoint.disabled_reason) == ("dev_a", URL, "")
    opened = BOX.open(endpoint.secret, endpoint.id)
    assert (signing.encoded(opened), len(opened)) == (secret, 32)


async def test_the_same_request_again_returns_the_endpoint_without_its_secret(webhooks: Webhooks) -> None:
    endpoint, _ = await webhooks.endpoints.create(URL, "request 1")
    assert await webhooks.endpoints.create(URL, "request 1") == (endpoint, "")
    assert await webhooks.endpoints.create(URL + "/other", "request 1") == (endpoint, "")
    with pytest.raises(AlreadyExists, match="Rotate its secret"):
        await webhooks.endpoints.create(URL, "request 2")
    call_as("dev_b")
    assert (await webhooks.endpoints.create(URL, "request 1"))[1] != ""


@pytest.mark.parametrize("url", ["", "ftp://example.org/", "http://10.0.0.1/", "https://a@example.org/"])
async def test_a_url_that_is_not_allowed_creates_no_endpoint(webhooks: Webhooks, url: str) -> None:
    with pytest.raises(InvalidInput) as error:
        await webhooks.endpoints.create(url, "r" * 101)
    assert [violation.field for violation in error.value.violations] == ["url", "request_id"]
    assert (await webhooks.endpoints.create("http://127.0.0.1:9000/", ""))[1] != ""


async def test_a_developer_can_have_at_most_100_endpoints(webhooks: Webhooks) -> None:
    for n in range(100):
        await webhooks.endpoints.create(f"{URL}/{n}", "")
    with pytest.raises(QuotaExceeded, match="100"):
        await webhooks.endpoints.create(URL, "")


async def test_endpoints_are_listed_in_pages(webhooks: Webhooks) -> None:
    made = [(await webhooks.endpoints.create(f"{URL}/{n}", ""))[0] for n in range(3)]
    first, token = await webhooks.endpoints.page(2, "")
    second, end = await webhooks.endpoints.page(2, token)
    assert sorted(one.id for one in (*first, *second)) == sorted(one.id for one in made)
    assert (len(first), len(second), end) == (2, 1, "")
    call_as("dev_b")
    with pytest.raises(InvalidInput, match="page_token"):
        await webhooks.endpoints.page(2, token)


async def test_a_rotated_secret_overlaps_with_the_old_one(webhooks: Webhooks) -> None:
    endpoint, old = await webhooks.endpoints.create(URL, "")
    rotated, new = await webhooks.endpoints.rotate(endpoint.id, 60)
    moment = now()
    opened = [signing.encoded(BOX.open(sealed, endpoint.id)) for sealed in rotated.sealed_secrets(moment)]
    assert opened == [new, old]
    assert len(rotated.sealed_secrets(moment + timedelta(seconds=61))) == 1
    assert convert.endpoint(rotated, moment).HasField("old_secret_expires_at")
    assert not convert.endpoint(rotated, moment + timedelta(seconds=61)).HasField("old_secret_expires_at")
    at_once, _ = await webhooks.endpoints.rotate(endpoint.id, 0)
    assert (at_once.old_secret, at_once.old_secret_expires_at) == (None, None)


@pytest.mark.parametrize("seconds", [-1, 604801])
async def test_an_overlap_outside_its_limits_is_refused(webhooks: Webhooks, seconds: int) -> None:
    endpoint, _ = await webhooks.endpoints.create(URL, "")
    with pytest.raises(InvalidInput, match="overlap_seconds: must be 0 to 604800"):
        await webhooks.endpoints.rotate(endpoint.id, seconds)


async def test_a_disabled_endpoint_can_be_enabled(webhooks: Webhooks) -> None:
    endpoint, _ = await webhooks.endpoints.create(URL, "")
    async with webhooks.database.transaction() as connection:
        await webhooks.store.disable(connection, endpoint.id, "the receiver responded with status 410")
        await webhooks.store.pause(connection, endpoint.id, now())
    assert not convert.endpoint(await webhooks.endpoints.get(endpoint.id), now()).enabled
    assert await webhooks.endpoints.enable(endpoint.id) == endpoint
    assert await webhooks.endpoints.enable(endpoint.id) == endpoint


async def test_deleting_an_endpoint_gives_up_its_deliveries(webhooks: Webhooks) -> None:
    given = await webhooks.delivery()
    await webhooks.endpoints.delete(given.endpoint_id)
    ((left, _),), _ = await webhooks.log.page(EXPERIMENT, EXPERIMENT_ID, 0, "")
    assert (left.status, left.error_message) == (DeliveryStatus.FAILED, "the endpoint was deleted")
    with pytest.raises(WrongState, match="was deleted"):
        await webhooks.log.redeliver(EXPERIMENT, EXPERIMENT_ID, given.id)
    with pytest.raises(NotFound):
        await webhooks.endpoints.delete(given.endpoint_id)


async def test_other_developers_endpoints_and_deliveries_are_not_found(webhooks: Webhooks) -> None:
    given = await webhooks.delivery()
    call_as("dev_b")
    calls = (
        webhooks.endpoints.get(given.endpoint_id),
        webhooks.endpoints.delete(given.endpoint_id),
        webhooks.endpoints.rotate(given.endpoint_id, 0),
        webhooks.endpoints.enable(given.endpoint_id),
        webhooks.endpoints.get(UNKNOWN),
        webhooks.log.page(EXPERIMENT, EXPERIMENT_ID, 0, ""),
        webhooks.log.redeliver(EXPERIMENT, EXPERIMENT_ID, given.id),
    )
    for call in calls:
        with pytest.raises(NotFound):
            await call


async def test_the_delivery_log_has_every_attempt(webhooks: Webhooks) -> None:
    given = [await webhooks.delivery(digit) for digit in "123"]
    attempt = Attempt(
        attempted_at=now(),
        response_status=500,
        error="the receiver responded with status 500",
        duration_ms=1.0,
        by_hand=False,
    )
    async with webhooks.database.transaction() as connection:
        await webhooks.store.add_attempt(connection, given[2].id, attempt)
    first, token = await webhooks.log.page(EXPERIMENT, EXPERIMENT_ID, 2, "")
    second, end = await webhooks.log.page(EXPERIMENT, EXPERIMENT_ID, 2, token)
    assert [delivery.id for delivery, _ in (*first, *second)] == [one.id for one in reversed(given)]
    assert [list(attempts) for _, attempts in (*first, *second)] == [[attempt], [], []]
    assert end == ""


@pytest.mark.parametrize("status", list(DeliveryStatus))
async def test_a_delivery_of_any_status_can_be_sent_again_by_hand(webhooks: Webhooks, status: DeliveryStatus) -> None:
    waiting = status is DeliveryStatus.PENDING
    given = await webhooks.delivery(status=status, **({} if waiting else {"next_attempt_at": None}))
    asked, attempts = await webhooks.log.redeliver(EXPERIMENT, EXPERIMENT_ID, given.id)
    assert dataclasses.replace(asked, asked_at=None) == given
    shown = convert.delivery(asked, attempts)
    assert (shown.id, shown.status, shown.next_attempt_at.ToDatetime()) == (
        given.id,
        shown.Status.pending,
        asked.asked_at.replace(tzinfo=None),
    )
    with pytest.raises(WrongState, match="in progress"):
        await webhooks.log.redeliver(EXPERIMENT, EXPERIMENT_ID, given.id)


async def test_a_delivery_is_not_sent_again_while_an_attempt_is_in_progress(webhooks: Webhooks) -> None:
    leased = await webhooks.delivery(lease="lse_1", leased_until=now() + timedelta(minutes=1))
    with pytest.raises(WrongState, match="in progress"):
        await webhooks.log.redeliver(EXPERIMENT, EXPERIMENT_ID, leased.id)
    over = await webhooks.delivery("2", lease="lse_1", leased_until=now() - timedelta(minutes=1))
    assert (await webhooks.log.redeliver(EXPERIMENT, EXPERIMENT_ID, over.id))[0].asked_at is not None


async def test_a_delivery_to_a_disabled_endpoint_is_not_sent_by_hand(webhooks: Webhooks) -> None:
    given = await webhooks.delivery()
    async with webhooks.database.transaction() as connection:
        await webhooks.store.disable(connection, given.endpoint_id, "the receiver responded with status 410")
    with pytest.raises(WrongState, match="disabled: the receiver responded with status 410"):
        await webhooks.log.redeliver(EXPERIMENT, EXPERIMENT_ID, given.id)


async def test_a_delivery_can_have_at_most_100_attempts(webhooks: Webhooks) -> None:
    given = await webhooks.delivery()
    attempt = Attempt(attempted_at=now(), response_status=500, error="", duration_ms=1.0, by_hand=True)
    async with webhooks.database.transaction() as connection:
        for _ in range(100):
            await webhooks.store.add_attempt(connection, given.id, attempt)
    with pytest.raises(WrongState, match="100 times"):
        await webhooks.log.redeliver(EXPERIMENT, EXPERIMENT_ID, given.id)


async def test_a_delivery_of_another_experiment_is_not_found(webhooks: Webhooks) -> None:
    given = await webhooks.delivery()
    other = "exp_" + "b" * 32
    async with webhooks.database.transaction() as connection:
        await webhooks.experiments.add(connection, experiment(other), "")
    with pytest.raises(NotFound, match="webhook delivery"):
        await webhooks.log.redeliver(EXPERIMENT, other, given.id)


async def test_the_endpoint_of_an_evaluation_is_made_once_and_its_secret_is_shown_once(webhooks: Webhooks) -> None:
    await webhooks.endpoints.ensure(URL)
    await webhooks.endpoints.ensure(URL)
    ((made,), _) = await webhooks.endpoints.page(9, "")
    assert made.url == URL
    call_as("dev_b")
    assert await webhooks.endpoints.secret_to_show_once(URL) == ""
    call_as("dev_a")
    shown = await webhooks.endpoints.secret_to_show_once(URL)
    assert shown == signing.encoded(BOX.open(made.secret, made.id))
    assert await webhooks.endpoints.secret_to_show_once(URL) == ""


async def test_an_evaluation_shows_no_secret_of_an_endpoint_that_was_made_otherwise(webhooks: Webhooks) -> None:
    await webhooks.endpoints.create(URL, "")
    await webhooks.endpoints.ensure(URL)
    assert await webhooks.endpoints.secret_to_show_once(URL) == ""


async def test_a_webhook_url_of_an_evaluation_must_be_allowed(webhooks: Webhooks) -> None:
    with pytest.raises(InvalidInput) as error:
        await webhooks.endpoints.ensure("http://10.0.0.1/")
    assert [violation.field for violation in error.value.violations] == ["webhook_url"]


async def test_deliveries_of_an_evaluation_are_for_its_developer_only(webhooks: Webhooks) -> None:
    given = await webhooks.delivery(subject_type=EVALUATION, subject_id=EVALUATION_ID, type="evaluation.completed")
    found, _ = await webhooks.log.page(EVALUATION, EVALUATION_ID, 9, "")
    assert [delivery for delivery, _ in found] == [given]
    redelivered, _ = await webhooks.log.redeliver(EVALUATION, EVALUATION_ID, given.id)
    assert redelivered.asked_at is not None
    with pytest.raises(NotFound):
        await webhooks.log.redeliver(EXPERIMENT, EXPERIMENT_ID, given.id)
    call_as("dev_b")
    with pytest.raises(NotFound):
        await webhooks.log.page(EVALUATION, EVALUATION_ID, 9, "")
    with pytest.raises(NotFound):
        await webhooks.log.redeliver(EVALUATION, EVALUATION_ID, given.id)


async def test_deliveries_of_a_public_battle_are_for_its_developer_only(webhooks: Webhooks) -> None:
    given = await webhooks.delivery(subject_type=BATTLE, subject_id=BATTLE_ID, type="battle.decided")
    found, _ = await webhooks.log.page(BATTLE, BATTLE_ID, 9, "")
    assert [delivery for delivery, _ in found] == [given]
    assert (await webhooks.log.redeliver(BATTLE, BATTLE_ID, given.id))[0].asked_at is not None
    with pytest.raises(InvalidInput, match="bat_"):
        await webhooks.log.page(BATTLE, EVALUATION_ID, 9, "")
    call_as("dev_b")
    with pytest.raises(NotFound):
        await webhooks.log.page(BATTLE, BATTLE_ID, 9, "")
    with pytest.raises(NotFound):
        await webhooks.log.redeliver(BATTLE, BATTLE_ID, given.id)
