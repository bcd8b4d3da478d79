"""The suite for the stores of webhook endpoints and deliveries."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from services.experiments.webhooks.claiming import Limits
from services.experiments.webhooks.domain import Attempt, Delivery, DeliveryStatus, WebhookEndpoint
from services.experiments.webhooks.store import WebhookStore
from services.runtime.db import Database
from services.runtime.request_ids import EarlierRequest
from tests.contract.stores.experiments.rows import MINUTE, NOON, add, experiment
from tests.contract.stores.experiments.stores import ExperimentStores
from tests.contract.stores.experiments.test_panels_migration import OLD_ROWS, upgraded

SECOND = timedelta(seconds=1)
LEASED_UNTIL = NOON + 20 * SECOND
HIGH_LIMITS = Limits(per_endpoint=100, per_developer=100)
URL = "https://example.org/done"
ATTEMPTS = [
    Attempt(attempted_at=NOON, response_status=500, error="it answered 500", duration_ms=1.5, by_hand=False),
    Attempt(attempted_at=NOON, response_status=None, error="no answer", duration_ms=15e3, by_hand=True),
]

OLD_DELIVERY = f"""
INSERT INTO webhook_deliveries (id, experiment_id, endpoint_id, type, body, status, attempts_made, next_attempt_at,
    error_message, traceparent, created_at)
  VALUES ('msg_a', 'exp_a', 'whe_a', 'experiment.completed', '{{}}', 'pending', 0, '{NOON}', '', '', '{NOON}');
INSERT INTO webhook_attempts (delivery_id, attempted_at, response_status, error, duration_ms, by_hand)
  VALUES ('msg_a', '{NOON}', 500, 'it answered 500', 1.5, false);
"""


def endpoint(id_: str, *, owner: str = "dev_a", url: str = "", minutes: int = 0, **values: object) -> WebhookEndpoint:
    plain = WebhookEndpoint(
        id=id_, developer_id=owner, url=url or f"{URL}/{id_}", secret=b"sealed", created_at=NOON + minutes * MINUTE
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


def delivery(id_: str, to: str = "whe_a", *, due: datetime | None = NOON, **values: object) -> Delivery:
    plain = Delivery(
        id=id_,
        subject_type="experiment",
        subject_id="exp_a",
        endpoint_id=to,
        type="experiment.completed",
        body=b'{"name":"\xc3\xa4"}',
        next_attempt_at=due,
        created_at=NOON,
    )
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


async def keep(database: Database, webhooks: WebhookStore, *records: WebhookEndpoint | Delivery) -> None:
    """Adds endpoints and deliveries. The deliveries are about an experiment `exp_a`."""
    if any(isinstance(record, Delivery) for record in records):
        await add(database, ExperimentStores(database).experiments, experiment("exp_a"))
    async with database.transaction() as connection:
        for record in records:
            if isinstance(record, WebhookEndpoint):
                assert await webhooks.add_endpoint(connection, record)
            else:
                await webhooks.add_delivery(connection, record)


async def claimed(
    database: Database,
    webhooks: WebhookStore,
    *,
    at: datetime = NOON,
    most: int = 100,
    limits: Limits = HIGH_LIMITS,
    name: str = "lse",
) -> Sequence[str]:
    """Claims deliveries and returns their ids."""
    async with database.transaction() as connection:
        leases = [f"{name}_{n}" for n in range(most)]
        return [c.delivery.id for c in await webhooks.claim(connection, at, at + 20 * SECOND, leases, limits)]


async def found(database: Database, webhooks: WebhookStore, delivery_id: str) -> Delivery | None:
    async with database.reading() as connection:
        return await webhooks.delivery(connection, delivery_id)


async def test_an_endpoint_is_found_by_id_url_and_request(database: Database, webhooks: WebhookStore) -> None:
    given = endpoint(
        "whe_a",
        url=URL,
        disabled_reason="it said so",
        old_secret=b"older",
        old_secret_expires_at=NOON + MINUTE,
        secret_rotated_at=NOON,
        paused_until=NOON + 2 * MINUTE,
    )
    async with database.transaction() as connection:
        assert await webhooks.add_endpoint(connection, given, request_id="request 1", fingerprint=b"fingerprint")
        for way in ({"lock": True}, {"keep": True}, {}):
            assert await webhooks.endpoint(connection, "whe_a", **way) == given
        assert await webhooks.endpoint_at(connection, "dev_a", URL, keep=True) == given
        assert await webhooks.endpoint_of_request(connection, "dev_a", "request 1") == EarlierRequest(
            given, b"fingerprint", given.created_at
        )
        assert await webhooks.endpoint(connection, "whe_b") is None
        assert await webhooks.endpoint_at(connection, "dev_b", URL) is None
        assert await webhooks.endpoint_at(connection, "dev_a", URL + "?") is None
        assert await webhooks.endpoint_of_request(connection, "dev_b", "request 1") is None


async def test_a_developer_has_one_endpoint_per_url_and_per_request(database: Database, webhooks: WebhookStore) -> None:
    async with database.transaction() as connection:
        assert await webhooks.add_endpoint(connection, endpoint("whe_a", url=URL), request_id="1")
        assert not await webhooks.add_endpoint(connection, endpoint("whe_b", url=URL), request_id="2")
        assert not await webhooks.add_endpoint(connection, endpoint("whe_c"), request_id="1")
        assert await webhooks.add_endpoint(connection, endpoint("whe_d", url=URL, owner="dev_b"), request_id="1")
        assert await webhooks.add_endpoint(connection, endpoint("whe_e"))
        assert await webhooks.add_endpoint(connection, endpoint("whe_f"))
        assert await webhooks.count_endpoints(connection, "dev_a") == 3
        assert await webhooks.count_endpoints(connection, "dev_c") == 0


async def test_endpoints_are_listed_newest_first(database: Database, webhooks: WebhookStore) -> None:
    a, b, c = endpoint("whe_a"), endpoint("whe_b", minutes=1), endpoint("whe_c", minutes=1)
    await keep(database, webhooks, a, b, c, endpoint("whe_d", owner="dev_b"))
    async with database.reading() as connection:
        assert await webhooks.endpoints(connection, "dev_a", after=None, limit=9) == [c, b, a]
        assert await webhooks.endpoints(connection, "dev_a", after=None, limit=2) == [c, b]
        assert await webhooks.endpoints(connection, "dev_a", after=(b.created_at, b.id), limit=9) == [a]


async def test_the_secret_of_an_endpoint_made_for_an_experiment_is_shown_once(
    database: Database, webhooks: WebhookStore
) -> None:
    made = endpoint("whe_a", url=URL)
    async with database.transaction() as connection:
        assert await webhooks.add_endpoint(connection, made, made_by="exp_a")
        assert await webhooks.add_endpoint(connection, endpoint("whe_b", url=URL, owner="dev_b"))
        assert await webhooks.show_secret(connection, "exp_b", URL) is None
        assert await webhooks.show_secret(connection, "exp_a", URL + "/other") is None
        assert await webhooks.show_secret(connection, "exp_a", URL) == made
        assert await webhooks.show_secret(connection, "exp_a", URL) is None


async def test_a_deleted_endpoint_is_not_found(database: Database, webhooks: WebhookStore) -> None:
    await keep(database, webhooks, endpoint("whe_a"), endpoint("whe_b"))
    async with database.transaction() as connection:
        await webhooks.delete_endpoint(connection, "whe_b")
    async with database.reading() as connection:
        assert await webhooks.endpoint(connection, "whe_a") == endpoint("whe_a")
        assert await webhooks.endpoint(connection, "whe_b") is None


async def test_a_new_secret_replaces_the_old_one_at_once_or_after_a_while(
    database: Database, webhooks: WebhookStore
) -> None:
    await keep(database, webhooks, endpoint("whe_a"), endpoint("whe_b"))
    until = NOON + MINUTE
    overlapping = endpoint(
        "whe_a", secret=b"new", old_secret=b"sealed", old_secret_expires_at=until, secret_rotated_at=NOON
    )
    async with database.transaction() as connection:
        assert await webhooks.rotate(connection, "whe_a", b"new", NOON, until) == overlapping
        assert await webhooks.endpoint(connection, "whe_a") == overlapping
        at_once = endpoint("whe_a", secret=b"newer", secret_rotated_at=until)
        assert await webhooks.rotate(connection, "whe_a", b"newer", until, None) == at_once
        assert await webhooks.endpoint(connection, "whe_b") == endpoint("whe_b")


async def test_a_disabled_endpoint_keeps_its_first_reason_until_it_is_enabled(
    database: Database, webhooks: WebhookStore
) -> None:
    await keep(database, webhooks, endpoint("whe_a", paused_until=NOON), endpoint("whe_b"))
    async with database.transaction() as connection:
        for reason in ("first", "second"):
            await webhooks.disable(connection, "whe_a", reason)
        assert await webhooks.endpoint(connection, "whe_a") == endpoint(
            "whe_a", paused_until=NOON, disabled_reason="first"
        )
        assert await webhooks.enable(connection, "whe_a") == endpoint("whe_a")
        assert await webhooks.endpoint(connection, "whe_a") == endpoint("whe_a")
        await webhooks.disable(connection, "whe_unknown", "why")
        assert await webhooks.endpoint(connection, "whe_b") == endpoint("whe_b")


async def test_a_pause_can_be_extended_or_ended_but_not_shortened(database: Database, webhooks: WebhookStore) -> None:
    await keep(database, webhooks, endpoint("whe_a"), endpoint("whe_b"))
    async with database.transaction() as connection:
        for minutes, longest in ((2, 2), (1, 2), (3, 3)):
            await webhooks.pause(connection, "whe_a", NOON + minutes * MINUTE)
            paused = endpoint("whe_a", paused_until=NOON + longest * MINUTE)
            assert await webhooks.endpoint(connection, "whe_a") == paused
        await webhooks.resume(connection, "whe_a")
        assert await webhooks.endpoint(connection, "whe_a") == endpoint("whe_a")
        for unknown in (webhooks.pause(connection, "whe_unknown", NOON), webhooks.resume(connection, "whe_unknown")):
            await unknown
        assert await webhooks.endpoint(connection, "whe_b") == endpoint("whe_b")


async def test_requesting_a_delivery_by_hand_changes_nothing_else(database: Database, webhooks: WebhookStore) -> None:
    given = delivery("msg_a", due=None, status=DeliveryStatus.FAILED, error_message="it answered 500")
    await keep(database, webhooks, given, delivery("msg_b"))
    async with database.transaction() as connection:
        asked = await webhooks.ask(connection, "msg_a", NOON)
    assert asked == dataclasses.replace(given, asked_at=NOON)
    assert await found(database, webhooks, "msg_a") == asked
    assert await found(database, webhooks, "msg_b") == delivery("msg_b")


async def test_deliveries_are_found_and_listed_newest_first(database: Database, webhooks: WebhookStore) -> None:
    a = delivery("msg_a", traceparent="00-1-2-01", error_message="it answered 500", attempts_made=3)
    b = delivery("msg_b", due=None, status=DeliveryStatus.DELIVERED, created_at=NOON + MINUTE)
    await keep(database, webhooks, a, b)
    async with database.transaction() as connection:
        assert await webhooks.delivery(connection, "msg_a", lock=True) == a
        assert await webhooks.delivery(connection, "msg_c", lock=True) is None
        assert await webhooks.deliveries(connection, "experiment", "exp_b", after=None, limit=9) == []
        for one in ATTEMPTS:
            await webhooks.add_attempt(connection, "msg_a", one)
        assert await webhooks.deliveries(connection, "experiment", "exp_a", after=None, limit=9) == [
            (b, []),
            (a, ATTEMPTS),
        ]
        assert await webhooks.deliveries(connection, "experiment", "exp_a", after=None, limit=1) == [(b, [])]
        assert await webhooks.deliveries(connection, "experiment", "exp_a", after=(b.created_at, b.id), limit=1) == [
            (a, ATTEMPTS)
        ]


async def test_each_type_of_subject_has_its_own_deliveries(database: Database, webhooks: WebhookStore) -> None:
    of_experiment = delivery("msg_a")
    # Real ids belong to one type only. The type must still match.
    of_another = delivery("msg_b", subject_type="evaluation", type="evaluation.completed")
    # The subject belongs to another service, so no table here has a row for it.
    foreign = delivery("msg_c", subject_type="evaluation", subject_id="eva_a", type="evaluation.failed")
    await keep(database, webhooks, of_experiment, of_another, foreign)
    async with database.reading() as connection:
        assert await webhooks.deliveries(connection, "experiment", "exp_a", after=None, limit=9) == [
            (of_experiment, [])
        ]
        assert await webhooks.deliveries(connection, "evaluation", "exp_a", after=None, limit=9) == [(of_another, [])]
        assert await webhooks.deliveries(connection, "evaluation", "eva_a", after=None, limit=9) == [(foreign, [])]


async def test_deliveries_are_deleted_with_their_experiment(database: Database, webhooks: WebhookStore) -> None:
    foreign = delivery("msg_b", subject_type="evaluation", subject_id="eva_a")
    await keep(database, webhooks, delivery("msg_a"), foreign)
    lifecycle = ExperimentStores(database).lifecycle
    async with database.transaction() as connection:
        await lifecycle.delete(connection, "exp_a")
    assert await found(database, webhooks, "msg_a") is None
    assert await found(database, webhooks, "msg_b") == foreign


async def test_attempts_are_listed_in_order(database: Database, webhooks: WebhookStore) -> None:
    await keep(database, webhooks, delivery("msg_a"), delivery("msg_b"))
    async with database.transaction() as connection:
        for one in ATTEMPTS:
            await webhooks.add_attempt(connection, "msg_a", one)
        assert await webhooks.attempts(connection, "msg_a") == ATTEMPTS
        assert await webhooks.attempts(connection, "msg_b") == []


async def test_due_deliveries_are_claimed_the_longest_due_first(database: Database, webhooks: WebhookStore) -> None:
    await keep(
        database,
        webhooks,
        endpoint("whe_a"),
        delivery("msg_later", due=NOON + SECOND),
        delivery("msg_b", due=NOON - SECOND),
        delivery("msg_a", due=NOON - MINUTE),
        delivery("msg_c"),
        delivery("msg_done", due=None, status=DeliveryStatus.DELIVERED),
        delivery("msg_asked", due=None, status=DeliveryStatus.FAILED, asked_at=NOON - 2 * MINUTE),
    )
    async with database.reading() as connection:
        assert await webhooks.longest_due(connection, NOON) == NOON - 2 * MINUTE
        assert await webhooks.longest_due(connection, NOON - MINUTE * 3) is None
    async with database.transaction() as connection:
        claims = await webhooks.claim(connection, NOON, LEASED_UNTIL, ["lse_1", "lse_2"], HIGH_LIMITS)
    asked = delivery("msg_asked", due=None, status=DeliveryStatus.FAILED, asked_at=NOON - 2 * MINUTE)
    leased = dataclasses.replace(asked, lease="lse_1", leased_until=LEASED_UNTIL)
    assert [(c.delivery.id, c.lease) for c in claims] == [("msg_asked", "lse_1"), ("msg_a", "lse_2")]
    assert (claims[0].delivery, claims[0].endpoint) == (leased, endpoint("whe_a"))
    assert await found(database, webhooks, "msg_asked") == leased
    assert await claimed(database, webhooks) == ["msg_b", "msg_c"]
    assert await claimed(database, webhooks) == []


async def test_a_delivery_with_an_expired_lease_is_claimed_again(database: Database, webhooks: WebhookStore) -> None:
    await keep(database, webhooks, endpoint("whe_a"), delivery("msg_a"), delivery("msg_b"))
    assert await claimed(database, webhooks) == ["msg_a", "msg_b"]
    assert await claimed(database, webhooks, at=NOON + 19 * SECOND) == []
    assert await claimed(database, webhooks, at=NOON + 20 * SECOND) == ["msg_a", "msg_b"]


async def test_a_delivery_with_a_released_lease_is_claimed_at_once(database: Database, webhooks: WebhookStore) -> None:
    await keep(database, webhooks, endpoint("whe_a"), delivery("msg_a"), delivery("msg_b"))
    await claimed(database, webhooks)
    async with database.transaction() as connection:
        await webhooks.release(connection, {"lse_1", "lse_7"})
    assert await found(database, webhooks, "msg_b") == delivery("msg_b")
    assert await claimed(database, webhooks) == ["msg_b"]


async def test_claims_respect_the_limit_per_endpoint(database: Database, webhooks: WebhookStore) -> None:
    limits = Limits(per_endpoint=2, per_developer=100)
    await keep(
        database,
        webhooks,
        endpoint("whe_a"),
        endpoint("whe_b"),
        *(delivery(f"msg_a{n}", due=NOON - MINUTE) for n in range(5)),
        delivery("msg_b", "whe_b"),
    )
    assert await claimed(database, webhooks, limits=limits) == ["msg_a0", "msg_a1", "msg_b"]
    assert await claimed(database, webhooks, limits=limits) == []
    async with database.transaction() as connection:
        done = delivery("msg_a0", due=None, status=DeliveryStatus.DELIVERED)
        await webhooks.settle(connection, done)
    assert await claimed(database, webhooks, limits=limits, name="other") == ["msg_a2"]


async def test_claims_of_several_processes_respect_the_limits_together(
    database: Database, webhooks: WebhookStore
) -> None:
    limits = Limits(per_endpoint=3, per_developer=5)
    endpoints = [endpoint(f"whe_{n}") for n in range(3)]
    await keep(database, webhooks, *endpoints, *(delivery(f"msg_{n}", f"whe_{n % 3}") for n in range(30)))
    claims = await asyncio.gather(
        *(claimed(database, webhooks, most=2, limits=limits, name=f"process_{n}") for n in range(8))
    )
    taken = [delivery_id for each in claims for delivery_id in each]
    assert len(set(taken)) == len(taken) == 5
    async with database.reading() as connection:
        claimed_deliveries = [await webhooks.delivery(connection, delivery_id) for delivery_id in taken]
    assert max(Counter(each.endpoint_id for each in claimed_deliveries if each).values()) <= 3


async def test_claims_respect_the_limit_per_developer(database: Database, webhooks: WebhookStore) -> None:
    limits = Limits(per_endpoint=2, per_developer=3)
    await keep(
        database,
        webhooks,
        *(endpoint(f"whe_{n}") for n in range(4)),
        endpoint("whe_z", owner="dev_b"),
        *(delivery(f"msg_{n}{m}", f"whe_{n}", due=NOON - MINUTE) for n in range(4) for m in range(4)),
        delivery("msg_z", "whe_z"),
    )
    assert await claimed(database, webhooks, limits=limits) == ["msg_00", "msg_01", "msg_10", "msg_z"]
    assert await claimed(database, webhooks, limits=limits) == []


async def test_a_pause_does_not_stop_deliveries_requested_by_hand(database: Database, webhooks: WebhookStore) -> None:
    await keep(
        database,
        webhooks,
        endpoint("whe_a", paused_until=NOON + MINUTE),
        delivery("msg_a"),
        delivery("msg_b", asked_at=NOON),
    )
    assert await claimed(database, webhooks) == ["msg_b"]
    assert await claimed(database, webhooks, at=NOON + MINUTE, name="later") == ["msg_a", "msg_b"]


async def test_pending_deliveries_of_an_endpoint_are_given_up(database: Database, webhooks: WebhookStore) -> None:
    asked = delivery("msg_asked", due=None, status=DeliveryStatus.DELIVERED, asked_at=NOON)
    failed = delivery("msg_failed", due=None, status=DeliveryStatus.FAILED, error_message="it answered 500")
    other = delivery("msg_other", "whe_b")
    await keep(database, webhooks, endpoint("whe_a"), delivery("msg_a"), asked, failed, other)
    async with database.transaction() as connection:
        await webhooks.give_up(connection, "whe_a", "it is gone")
    assert await found(database, webhooks, "msg_a") == delivery(
        "msg_a", due=None, status=DeliveryStatus.FAILED, error_message="it is gone"
    )
    assert await found(database, webhooks, "msg_asked") == dataclasses.replace(asked, asked_at=None)
    assert await found(database, webhooks, "msg_failed") == failed
    assert await found(database, webhooks, "msg_other") == other


async def test_counting_endpoints_waits_for_another_count(database: Database, webhooks: WebhookStore) -> None:
    async def count() -> int:
        async with database.transaction() as connection:
            return await webhooks.count_endpoints(connection, "dev_a")

    async with database.transaction() as connection:
        assert await webhooks.count_endpoints(connection, "dev_a") == 0
        waiting = asyncio.create_task(count())
        await webhooks.add_endpoint(connection, endpoint("whe_a"))
    assert await waiting == 1


async def test_deliveries_of_the_previous_release_belong_to_their_experiments(
    postgres_url: str, tmp_path: Path
) -> None:
    old_experiment = OLD_ROWS.partition(";\n")[0]
    rows = f"{old_experiment};\n{OLD_DELIVERY}"
    database = await upgraded(postgres_url, tmp_path, "old_webhooks", "webhook_subjects", rows)
    stores = ExperimentStores(database)
    async with database.transaction() as connection:
        assert await stores.webhooks.deliveries(connection, "experiment", "exp_a", after=None, limit=9) == [
            (delivery("msg_a", body=b"{}"), ATTEMPTS[:1])
        ]
        await stores.webhooks.add_endpoint(connection, endpoint("whe_a"))
    assert await claimed(database, stores.webhooks) == ["msg_a"]
    async with database.transaction() as connection:
        await stores.lifecycle.delete(connection, "exp_a")
    assert await found(database, stores.webhooks, "msg_a") is None
    await database.close()
