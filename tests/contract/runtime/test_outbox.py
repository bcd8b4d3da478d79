"""From a transaction to a consumer: published once it has committed, acted on once."""

import asyncio
from collections import Counter

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncConnection
from voicearena.tts.v1.events_pb2 import SynthesisCancellationRequested, SynthesisRequested

from services.runtime import bus as bus_module
from services.runtime import inbox as inbox_module
from services.runtime import outbox, telemetry
from services.runtime.bus import Bus, BusUnavailable, Delivery
from services.runtime.db import Database
from services.runtime.errors import Unavailable
from services.runtime.events import subject_of, wrap
from services.runtime.outbox import OutboxRelay
from tests.contract.runtime.conftest import SOON, Connect, Inbox, fact, running
from tests.contract.stores.servers import RunningNats


async def add(database: Database, name: str, *jobs: str) -> None:
    async with database.transaction() as connection:
        await outbox.add(connection, *(fact(name, job) for job in jobs))


async def unpublished(database: Database) -> int:
    async with database.reading() as connection:
        query = sa.text("SELECT count(*) FROM outbox WHERE published_at IS NULL")
        return int((await connection.execute(query)).scalar_one())


async def rows(database: Database) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(sa.text("SELECT count(*) FROM outbox"))).scalar_one())


async def effects(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list((await connection.execute(sa.text("SELECT job_id FROM effects ORDER BY job_id"))).scalars())


@pytest.fixture
def acting(database: Database, inbox: Inbox) -> Inbox:
    """Takes events, and has one effect for each."""

    async def act(job: str, delivery: Delivery) -> None:
        async with database.transaction() as connection:
            if await inbox_module.first_time(connection, "probe", delivery.event_id):
                await connection.execute(sa.text("INSERT INTO effects VALUES (:j)"), {"j": job})

    inbox.react = act
    return inbox


async def test_a_commit_publishes_at_once_and_a_rollback_never(
    database: Database, bus: Bus, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 10 * SOON)
    async with running(OutboxRelay(database, bus).run()), inbox.consuming(bus):
        await add(database, name, "before")
        assert await inbox.next() == "before"
        async with database.transaction() as connection:
            await outbox.add(connection, fact(name, "undone"))
            await connection.rollback()
        await add(database, name, "after")
        assert await inbox.next() == "after"
    assert inbox.deliveries.empty()


async def test_a_wake_up_that_was_missed_is_made_up_for_by_a_poll(
    database: Database, bus: Bus, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaf(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(database, "listen", deaf)
    monkeypatch.setattr(outbox, "POLL_SECONDS", 0.02)
    async with running(OutboxRelay(database, bus).run()), inbox.consuming(bus):
        for job in ("one", "two"):
            await add(database, name, job)
            assert await inbox.next() == job


async def test_events_that_waited_are_published_in_their_order_by_a_relay_that_starts_later(
    database: Database, bus: Bus, inbox: Inbox, name: str
) -> None:
    jobs = [f"{number:02}" for number in range(20)]
    for job in jobs:
        await add(database, name, job)
    assert await OutboxRelay(database, bus).publish_batch() == 20
    assert await unpublished(database) == 0
    assert await OutboxRelay(database, bus).publish_batch() == 0
    async with inbox.consuming(bus):
        assert [await inbox.next() for _ in jobs] == jobs


async def test_two_relays_publish_each_event_once(
    database: Database, bus: Bus, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BATCH", 20)
    await add(database, name, *map(str, range(100)))
    published: Counter[str] = Counter()
    publish = bus.publish_raw

    async def counted(subject: str, envelope: bytes, event_id: str) -> None:
        published[event_id] += 1
        await publish(subject, envelope, event_id)

    monkeypatch.setattr(bus, "publish_raw", counted)

    async def relay() -> int:
        own, total = OutboxRelay(database, bus), 0
        while count := await own.publish_batch():
            total += count
        return total

    assert sum(await asyncio.gather(relay(), relay())) == 100
    assert await unpublished(database) == 0
    assert (len(published), set(published.values())) == (100, {1})


async def test_what_was_published_stays_published_though_the_rest_was_not(
    database: Database, bus: Bus, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(database, name, "one", "two", "three")
    publish, calls = bus.publish_raw, 0

    async def second_fails(subject: str, envelope: bytes, event_id: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise BusUnavailable("no answer")
        await publish(subject, envelope, event_id)

    monkeypatch.setattr(bus, "publish_raw", second_fails)
    with pytest.raises(BusUnavailable):
        await OutboxRelay(database, bus).publish_batch()
    assert await unpublished(database) == 1
    assert await OutboxRelay(database, bus).publish_batch() == 1


async def test_the_age_of_what_is_not_published_grows_while_the_bus_keeps_a_batch_waiting(
    database: Database, bus: Bus, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def age() -> float:
        return REGISTRY.get_sample_value(telemetry.OUTBOX_AGE) or 0.0

    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def waits(subject: str, envelope: bytes, event_id: str) -> None:
        asked.set()
        await may_answer.wait()

    monkeypatch.setattr(bus, "publish_raw", waits)
    relay = OutboxRelay(database, bus)
    assert age() == 0.0
    await add(database, name, "one")
    publishing = asyncio.create_task(relay.publish_batch())
    async with asyncio.timeout(SOON):
        await asked.wait()
        first = age()
        assert first > 0.0
        while age() == first:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(0)
    may_answer.set()
    assert (await publishing, age()) == (1, 0.0)


async def test_what_a_server_that_is_away_does_not_take_is_published_once_it_is_back(
    database: Database, connect: Connect, own_nats: RunningNats, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "PUBLISH_SECONDS", 0.2)
    bus, inbox = await connect(own_nats.url), Inbox()
    await own_nats.stop()
    await add(database, name, *map(str, range(50)))
    with pytest.raises(BusUnavailable):
        await OutboxRelay(database, bus).publish_batch()
    assert await unpublished(database) == 50
    async with running(OutboxRelay(database, bus).run()), inbox.consuming(bus):
        await own_nats.start()
        jobs = {await inbox.next() for _ in range(50)}
    assert jobs == set(map(str, range(50)))


async def test_an_event_that_is_published_twice_acts_once(
    database: Database, bus: Bus, acting: Inbox, name: str
) -> None:
    message = fact(name, "once")
    envelope = wrap(message, "evt_same" + name).SerializeToString()
    for number in range(3):
        # Ids that the server takes for different messages, as it does once its window has passed.
        await bus.publish_raw(subject_of(message), envelope, f"copy {number} {name}")
    await bus.publish(fact(name, "next"), event_id="evt_next" + name)
    async with acting.consuming(bus):
        jobs = [await acting.handled.get() for _ in range(4)]
    assert jobs == ["once", "once", "once", "next"]
    assert await effects(database) == ["next", "once"]


async def test_a_worker_that_dies_after_its_commit_leaves_one_effect(
    database: Database, bus: Bus, acting: Inbox, name: str
) -> None:
    act = acting.react
    assert act is not None

    async def act_and_die_at_first(job: str, delivery: Delivery) -> None:
        await act(job, delivery)
        if delivery.deliveries < 3:
            raise ConnectionResetError

    acting.react = act_and_die_at_first
    await bus.publish(fact(name, "job"), event_id="evt_a" + name)
    async with acting.consuming(bus):
        assert await acting.handled.get() == "job"
    assert [acting.deliveries.get_nowait()[1].deliveries for _ in range(3)] == [1, 2, 3]
    assert await effects(database) == ["job"]


async def test_a_worker_that_dies_before_its_commit_leaves_its_event_to_the_next(
    database: Database, connect: Connect, shared_nats: RunningNats, acting: Inbox, name: str
) -> None:
    first, second = await connect(shared_nats.url), await connect(shared_nats.url)
    killed = Inbox()

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    killed.react = hang
    await first.publish(fact(name, "job"), event_id="evt_a" + name)
    async with killed.consuming(first):
        assert await killed.next() == "job"
    async with acting.consuming(second):
        assert await acting.handled.get() == "job"
    _, delivery = acting.deliveries.get_nowait()
    assert (delivery.event_id, delivery.deliveries) == ("evt_a" + name, 2)
    assert await effects(database) == ["job"]


async def test_what_is_published_is_not_kept(database: Database, bus: Bus, inbox: Inbox, name: str) -> None:
    async with running(OutboxRelay(database, bus).run()), inbox.consuming(bus):
        await add(database, name, "once")
        assert await inbox.next() == "once"
        async with asyncio.timeout(SOON):
            while await rows(database):  # noqa: ASYNC110 - the relay's transaction ends after the event came
                await asyncio.sleep(0.01)


async def test_what_names_an_id_and_carries_a_text_can_be_withdrawn_before_it_is_published(
    database: Database, name: str
) -> None:
    texts = [SynthesisRequested(requester=name, run_id=run, job_id="j", text="A prompt.") for run in ("exp_1", "exp_2")]
    about = SynthesisCancellationRequested(requester=name, run_id="exp_1")
    async with database.transaction() as connection:
        await outbox.add(connection, *texts, about)
    async with database.transaction() as connection:
        await outbox.withdraw(connection, "exp_1")
    async with database.reading() as connection:
        kept = list((await connection.execute(sa.text("SELECT envelope FROM outbox ORDER BY seq"))).scalars())
    assert [b"exp_2" in kept[0], b"exp_1" in kept[1], b"A prompt." in kept[1], len(kept)] == [True, True, False, 2]


async def test_old_records_are_pruned_and_what_is_not_published_never_is(
    database: Database, bus: Bus, name: str
) -> None:
    await add(database, name, "published long ago", "published", "waiting")
    async with database.transaction() as connection:
        ids = list((await connection.execute(sa.text("SELECT id FROM outbox ORDER BY seq"))).scalars())
        # As an earlier version left them.
        await connection.execute(sa.text("UPDATE outbox SET published_at = now() WHERE id = ANY(:i)"), {"i": ids[:2]})
        await connection.execute(sa.text("UPDATE outbox SET created_at = now() - interval '9 days'"))
        for event_id, age in (("evt_old", "8 days"), ("evt_new", "6 days")):
            await connection.execute(
                sa.text("INSERT INTO processed_events VALUES ('probe', :i, now() - CAST(:a AS interval))"),
                {"a": age, "i": event_id},
            )
    await OutboxRelay(database, bus).prune()
    async with database.reading() as connection:
        assert await _kept(connection, "SELECT event_id FROM processed_events") == {"evt_new"}
        assert await _kept(connection, "SELECT id FROM outbox") == set(ids[2:])


async def _kept(connection: AsyncConnection, query: str) -> set[str]:
    return set((await connection.execute(sa.text(query))).scalars())


async def test_an_outbox_that_does_not_move_is_a_fault(
    database: Database, connect: Connect, own_nats: RunningNats, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await connect(own_nats.url)
    relay = OutboxRelay(database, bus)
    await relay.check()
    await own_nats.stop()
    await add(database, name, "waiting")
    with pytest.raises(BusUnavailable):
        await relay.publish_batch()
    await relay.check()
    monkeypatch.setattr(outbox, "MAX_AGE_SECONDS", 0.0)
    with pytest.raises(Unavailable, match="the oldest event has waited"):
        await relay.check()
    await own_nats.start()
    monkeypatch.setattr(outbox, "MAX_AGE_SECONDS", SOON)
    async with running(relay.run()), asyncio.timeout(SOON):
        while await rows(database):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    monkeypatch.setattr(outbox, "MAX_AGE_SECONDS", 0.0)
    with pytest.raises(Unavailable, match="nobody has looked for events"):
        await relay.check()
