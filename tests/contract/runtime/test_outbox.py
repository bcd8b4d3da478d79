"""Events from a transaction to a consumer: published after the commit, with one effect."""

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
from services.runtime.bus import Bus, BusUnavailable, EventMetadata
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
    """Receives events, each of which has one effect."""

    async def act(job: str, metadata: EventMetadata) -> None:
        async with database.transaction() as connection:
            if await inbox_module.first_time(connection, "probe", metadata.event_id):
                await connection.execute(sa.text("INSERT INTO effects VALUES (:j)"), {"j": job})

    inbox.react = act
    return inbox


async def test_events_are_published_at_once_after_a_commit_and_never_after_a_rollback(
    database: Database, bus: Bus, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 10 * SOON)
    async with running(OutboxRelay(database, bus).run()), inbox.consuming(bus):
        await add(database, name, "before")
        assert await inbox.next() == "before"
        async with database.transaction() as connection:
            await outbox.add(connection, fact(name, "rolled back"))
            await connection.rollback()
        await add(database, name, "after")
        assert await inbox.next() == "after"
    assert inbox.received.empty()


async def test_polling_publishes_events_whose_wake_up_was_missed(
    database: Database, bus: Bus, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never_wakes(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(database, "listen", never_wakes)
    monkeypatch.setattr(outbox, "POLL_SECONDS", 0.02)
    async with running(OutboxRelay(database, bus).run()), inbox.consuming(bus):
        for job in ("one", "two"):
            await add(database, name, job)
            assert await inbox.next() == job


async def test_waiting_events_are_published_in_order_when_a_relay_starts(
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


async def test_published_events_of_a_failed_batch_are_not_published_again(
    database: Database, bus: Bus, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(database, name, "one", "two", "three")
    publish, calls = bus.publish_raw, 0

    async def second_fails(subject: str, envelope: bytes, event_id: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise BusUnavailable("no response")
        await publish(subject, envelope, event_id)

    monkeypatch.setattr(bus, "publish_raw", second_fails)
    with pytest.raises(BusUnavailable):
        await OutboxRelay(database, bus).publish_batch()
    assert await unpublished(database) == 1
    assert await OutboxRelay(database, bus).publish_batch() == 1


async def test_the_age_of_the_oldest_event_grows_while_a_batch_waits_for_the_bus(
    database: Database, bus: Bus, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def age() -> float:
        return REGISTRY.get_sample_value(telemetry.OUTBOX_AGE) or 0.0

    called, released = asyncio.Event(), asyncio.Event()

    async def waits(subject: str, envelope: bytes, event_id: str) -> None:
        called.set()
        await released.wait()

    monkeypatch.setattr(bus, "publish_raw", waits)
    relay = OutboxRelay(database, bus)
    assert age() == 0.0
    await add(database, name, "one")
    publishing = asyncio.create_task(relay.publish_batch())
    async with asyncio.timeout(SOON):
        await called.wait()
        first = age()
        assert first > 0.0
        while age() == first:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(0)
    released.set()
    assert (await publishing, age()) == (1, 0.0)


async def test_events_are_published_after_an_outage_of_the_server(
    database: Database, connect: Connect, own_nats: RunningNats, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "PUBLISH_TIMEOUT_SECONDS", 0.2)
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


async def test_an_event_that_is_published_several_times_has_one_effect(
    database: Database, bus: Bus, acting: Inbox, name: str
) -> None:
    message = fact(name, "once")
    envelope = wrap(message, "evt_same" + name).SerializeToString()
    for number in range(3):
        # With different message ids, as if the server's duplicate window had passed.
        await bus.publish_raw(subject_of(message), envelope, f"copy {number} {name}")
    await bus.publish(fact(name, "next"), event_id="evt_next" + name)
    async with acting.consuming(bus):
        jobs = [await acting.handled.get() for _ in range(4)]
    assert jobs == ["once", "once", "once", "next"]
    assert await effects(database) == ["next", "once"]


async def test_an_event_has_one_effect_if_its_worker_dies_after_the_commit(
    database: Database, bus: Bus, acting: Inbox, name: str
) -> None:
    act = acting.react
    assert act is not None

    async def act_and_die_at_first(job: str, metadata: EventMetadata) -> None:
        await act(job, metadata)
        if metadata.attempt < 3:
            raise ConnectionResetError

    acting.react = act_and_die_at_first
    await bus.publish(fact(name, "job"), event_id="evt_a" + name)
    async with acting.consuming(bus):
        assert await acting.handled.get() == "job"
    assert [acting.received.get_nowait()[1].attempt for _ in range(3)] == [1, 2, 3]
    assert await effects(database) == ["job"]


async def test_another_worker_handles_the_event_if_one_dies_before_the_commit(
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
    _, metadata = acting.received.get_nowait()
    assert (metadata.event_id, metadata.attempt) == ("evt_a" + name, 2)
    assert await effects(database) == ["job"]


async def test_published_events_are_deleted_from_the_outbox(
    database: Database, bus: Bus, inbox: Inbox, name: str
) -> None:
    async with running(OutboxRelay(database, bus).run()), inbox.consuming(bus):
        await add(database, name, "once")
        assert await inbox.next() == "once"
        async with asyncio.timeout(SOON):
            while await rows(database):  # noqa: ASYNC110 - the relay's transaction ends after the event came
                await asyncio.sleep(0.01)


async def test_unpublished_private_events_that_contain_an_id_can_be_withdrawn(database: Database, name: str) -> None:
    texts = [SynthesisRequested(requester=name, run_id=run, job_id="j", text="A prompt.") for run in ("exp_1", "exp_2")]
    about = SynthesisCancellationRequested(requester=name, run_id="exp_1")
    async with database.transaction() as connection:
        await outbox.add(connection, *texts, about)
    async with database.transaction() as connection:
        await outbox.withdraw(connection, "exp_1")
    async with database.reading() as connection:
        kept = list((await connection.execute(sa.text("SELECT envelope FROM outbox ORDER BY seq"))).scalars())
    assert [b"exp_2" in kept[0], b"exp_1" in kept[1], b"A prompt." in kept[1], len(kept)] == [True, True, False, 2]


async def test_old_records_are_pruned_but_unpublished_events_are_kept(database: Database, bus: Bus, name: str) -> None:
    await add(database, name, "published long ago", "published", "waiting")
    async with database.transaction() as connection:
        ids = list((await connection.execute(sa.text("SELECT id FROM outbox ORDER BY seq"))).scalars())
        # As earlier versions left them.
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


async def test_the_health_check_fails_if_events_are_not_published(
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
    with pytest.raises(Unavailable, match="the outbox was not read"):
        await relay.check()
