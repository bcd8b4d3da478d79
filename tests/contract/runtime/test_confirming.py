"""A fact that is declared as `until_confirmed` is published again until its consumer confirms it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from voicearena.elo.v1 import events_pb2 as elo_pb2
from voicearena.experiments.v1.events_pb2 import FactConfirmed
from voicearena.scoring.v1.events_pb2 import RecordingEvaluated

from services.runtime import outbox
from services.runtime.bus import Bus, BusUnavailable, EventMetadata
from services.runtime.db import Database
from services.runtime.outbox import OutboxRelay
from tests.contract.declared_fact import RecordingHeard, declared
from tests.contract.runtime.conftest import fact

NOW = timedelta(0)
HANDLED = EventMetadata("evt_of_the_confirmation", 1, None, "")  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def declared_fact() -> Iterator[None]:
    with declared():
        yield


@pytest.fixture
async def relay(database: Database, bus: Bus, published: list[str], monkeypatch: pytest.MonkeyPatch) -> OutboxRelay:
    async def publish(subject: str, envelope: bytes, event_id: str) -> None:
        published.append(event_id)

    monkeypatch.setattr(bus, "publish_raw", publish)
    return OutboxRelay(database, bus)


@pytest.fixture
def published() -> list[str]:
    """The ids of the published events."""
    return []


@pytest.fixture
async def ids(database: Database, name: str) -> list[str]:
    """The ids of two facts that must be confirmed. An event that need not be is recorded before them."""
    facts = [RecordingHeard(recording_id=recording, webhook_url="https://example.org/") for recording in ("one", "two")]
    async with database.transaction() as connection:
        await outbox.add(connection, fact(name, "job"), *facts)
    return await waiting(database, "subject LIKE '%recording_heard'")


async def waiting(database: Database, which: str = "true") -> list[str]:
    async with database.reading() as connection:
        query = sa.text(f"SELECT id FROM outbox WHERE {which} ORDER BY seq")
        return list((await connection.execute(query)).scalars())


async def age(database: Database, *, recorded: str, published: str) -> None:
    """Sets the ages of all facts in the outbox."""
    async with database.transaction() as connection:
        query = (
            "UPDATE outbox SET created_at = now() - CAST(:c AS interval), published_at = now() - CAST(:p AS interval)"
        )
        await connection.execute(sa.text(query), {"c": recorded, "p": published})


async def test_a_fact_stays_in_the_outbox_until_it_is_confirmed(
    database: Database, relay: OutboxRelay, ids: list[str]
) -> None:
    assert await relay.publish_batch() == 3
    assert await relay.publish_batch() == 0
    await relay.prune()
    assert await waiting(database) == ids
    take = relay.handlers("experiments")[FactConfirmed]
    for event_id in (ids[0], ids[0], "evt_of_somebody_else"):
        await take(FactConfirmed(event_id=event_id), HANDLED)
    assert await waiting(database) == ids[1:]


async def test_a_fact_with_two_consumers_stays_until_both_have_confirmed_it(
    database: Database, relay: OutboxRelay
) -> None:
    async with database.transaction() as connection:
        await outbox.add(connection, *(RecordingEvaluated(evaluation_id=one) for one in ("evl_a", "evl_b")))
    await relay.publish_batch()
    first, second = await waiting(database)
    handlers = relay.handlers("elo", "experiments")
    by_elo, by_experiments = handlers[elo_pb2.FactConfirmed], handlers[FactConfirmed]
    for _ in range(2):
        await by_elo(elo_pb2.FactConfirmed(event_id=first), HANDLED)
    await by_experiments(FactConfirmed(event_id=second), HANDLED)
    assert await waiting(database) == [first, second]
    await by_experiments(FactConfirmed(event_id=first), HANDLED)
    assert await waiting(database) == [second]
    await by_elo(elo_pb2.FactConfirmed(event_id=second), HANDLED)
    assert await waiting(database) == []


@pytest.mark.parametrize(
    ("recorded", "last_published", "due"),
    [
        ("29 seconds", "29 seconds", False),
        ("31 seconds", "31 seconds", True),
        # The next wait is as long as all waits before it together.
        ("3 minutes", "59 seconds", False),
        ("3 minutes", "91 seconds", True),
        # It is never longer than ten minutes.
        ("2 days", "9 minutes", False),
        ("2 days", "11 minutes", True),
    ],
)
async def test_the_intervals_between_repeats_grow_to_ten_minutes(
    database: Database,
    relay: OutboxRelay,
    ids: list[str],
    published: list[str],
    recorded: str,
    last_published: str,
    due: bool,
) -> None:
    await relay.publish_batch()
    published.clear()
    await age(database, recorded=recorded, published=last_published)
    assert await relay.repeat_batch() == (2 if due else 0)
    assert published == (ids if due else [])
    assert await relay.repeat_batch() == 0


async def test_published_events_of_an_earlier_version_are_not_repeated(
    database: Database, relay: OutboxRelay, name: str
) -> None:
    async with database.transaction() as connection:
        await outbox.add(connection, fact(name, "job"))
    await age(database, recorded="1 day", published="1 day")
    assert await relay.repeat_batch() == 0


async def test_a_failed_repeat_does_not_fail_the_health_check(
    database: Database, relay: OutboxRelay, ids: list[str], bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await relay.publish_batch()
    await age(database, recorded="1 day", published="1 hour")

    async def fails(*_: object) -> None:
        raise BusUnavailable("no response")

    monkeypatch.setattr(bus, "publish_raw", fails)
    with pytest.raises(BusUnavailable):
        await relay.repeat_batch()
    await relay.check()
    assert await waiting(database) == ids


async def test_a_withdrawn_fact_is_not_repeated(
    database: Database, relay: OutboxRelay, ids: list[str], published: list[str]
) -> None:
    await relay.publish_batch()
    async with database.transaction() as connection:
        await outbox.withdraw(connection, "one")
    published.clear()
    await age(database, recorded="1 hour", published="1 hour")
    assert await relay.repeat_batch() == 1
    assert published == ids[1:]
