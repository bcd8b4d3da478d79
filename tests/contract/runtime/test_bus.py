"""The bus delivers events to handlers at least once. Dead events have a reason."""

import asyncio
from contextlib import suppress

import nats
import psycopg
import pytest
import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import REGISTRY
from voicearena.events.v1.envelope_pb2 import DeadLetter
from voicearena.tts.v1.events_pb2 import SynthesisRequested

from services.runtime import bus as bus_module
from services.runtime import consumption, event_dispatcher, telemetry
from services.runtime.bus import Bus, BusUnavailable, EventMetadata
from services.runtime.errors import Unavailable
from services.runtime.event_dispatcher import MAX_ATTEMPTS
from services.runtime.events import DEAD_LETTER_SUBJECT, subject_of
from tests.contract.runtime.conftest import SOON, Connect, Inbox, fact, running
from tests.contract.stores.servers import RunningNats


class DeadLetters:
    """Receives what is published to the dead-letter stream."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> "DeadLetters":
        self._client = await nats.connect(self._url)
        self._subscription = await self._client.subscribe(DEAD_LETTER_SUBJECT)
        await self._client.flush()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def next(self) -> DeadLetter:
        return DeadLetter.FromString((await self._subscription.next_msg(timeout=SOON)).data)


async def test_a_handler_gets_the_event_with_its_id_and_trace(bus: Bus, inbox: Inbox, name: str) -> None:
    traces = []

    async def record_trace(_: str, __: EventMetadata) -> None:
        traces.append(telemetry.trace_id())

    inbox.react = record_trace
    with telemetry.span("work", "", SpanKind.SERVER):
        await bus.publish(fact(name, "job"), event_id="evt_a" + name)
        trace = telemetry.trace_id()
    async with inbox.consuming(bus):
        job, metadata = await inbox.received.get()
    assert (job, metadata.event_id, metadata.attempt) == ("job", "evt_a" + name, 1)
    assert traces == [trace]


async def test_log_lines_during_a_handler_have_the_event_s_job_and_run(bus: Bus, name: str) -> None:
    bound: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    async def take(event: SynthesisRequested, metadata: EventMetadata) -> None:
        bound.put_nowait(structlog.contextvars.get_contextvars())

    await bus.publish(SynthesisRequested(requester=name, job_id="job_1", run_id="exp_1"), event_id="evt_a" + name)
    async with running(bus.consume({SynthesisRequested: take}, max_in_flight=1)):
        assert await bound.get() == {"job_id": "job_1", "run_id": "exp_1"}


async def test_the_server_drops_a_second_event_with_the_same_id(bus: Bus, inbox: Inbox, name: str) -> None:
    for job in ("first", "again"):
        await bus.publish(fact(name, job), event_id="evt_same" + name)
    await bus.publish(fact(name, "next"), event_id="evt_next" + name)
    async with inbox.consuming(bus):
        assert [await inbox.next(), await inbox.next()] == ["first", "next"]


async def test_a_service_does_not_get_facts_for_other_requesters(bus: Bus, inbox: Inbox, name: str) -> None:
    await bus.publish(fact("somebody", "not ours"), event_id="evt_a" + name)
    await bus.publish(fact(name, "ours"), event_id="evt_b" + name)
    async with inbox.consuming(bus):
        assert await inbox.next() == "ours"


async def test_an_event_whose_handler_raises_is_retried_and_then_dead(
    bus: Bus, inbox: Inbox, name: str, shared_nats: RunningNats
) -> None:
    async def fail(job: str, _: EventMetadata) -> None:
        if job == "bad":
            raise ValueError("not for me\nat all")

    inbox.react = fail
    await bus.publish(fact(name, "bad"), event_id="evt_bad" + name)
    async with DeadLetters(shared_nats.url) as letters, inbox.consuming(bus):
        letter = await letters.next()
        await bus.publish(fact(name, "good"), event_id="evt_good" + name)
        received = [await inbox.received.get() for _ in range(MAX_ATTEMPTS + 1)]
    assert [(job, metadata.attempt) for job, metadata in received] == [
        *(("bad", count) for count in range(1, MAX_ATTEMPTS + 1)),
        ("good", 1),
    ]
    assert inbox.dead.get_nowait() == ("bad", "ValueError; see the service's log")
    assert inbox.dead.empty()
    assert (letter.envelope.id, letter.consumer, letter.deliveries, letter.reason) == (
        "evt_bad" + name,
        name,
        MAX_ATTEMPTS,
        "not for me",
    )
    assert letter.subject == subject_of(fact(name, "bad"))


async def test_the_handler_of_dead_events_is_retried_before_the_dead_letter_is_published(
    bus: Bus, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch, shared_nats: RunningNats
) -> None:
    reports = []

    async def report(*arguments: object) -> None:
        reports.append(arguments)
        if len(reports) == 1:
            raise ConnectionRefusedError("no database")

    async def fail(*_: object) -> None:
        raise ValueError("no")

    inbox.react = fail
    monkeypatch.setattr(inbox, "give_up", report)
    await bus.publish(fact(name, "bad"), event_id="evt_bad" + name)
    async with DeadLetters(shared_nats.url) as letters, inbox.consuming(bus):
        letter = await letters.next()
    assert (len(reports), letter.deliveries) == (2, MAX_ATTEMPTS + 1)


@pytest.mark.parametrize(
    "fault",
    [
        Unavailable("down"),
        psycopg.OperationalError("gone"),
        ConnectionResetError(),
        TimeoutError(),
        BusUnavailable("no response"),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_an_event_that_fails_because_something_is_down_gets_more_attempts(
    bus: Bus, inbox: Inbox, name: str, fault: Exception
) -> None:
    attempts = MAX_ATTEMPTS + 3

    async def fail(_: str, metadata: EventMetadata) -> None:
        if metadata.attempt < attempts:
            raise fault

    inbox.react = fail
    await bus.publish(fact(name, "job"), event_id="evt_a" + name)
    async with inbox.consuming(bus):
        counts = [(await inbox.received.get())[1].attempt for _ in range(attempts)]
    assert counts == list(range(1, attempts + 1))
    assert inbox.dead.empty()


async def test_an_event_becomes_dead_if_something_stays_down(
    bus: Bus, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_dispatcher, "MAX_TRANSIENT_ATTEMPTS", 3)

    async def fail(*_: object) -> None:
        raise Unavailable("still down")

    inbox.react = fail
    await bus.publish(fact(name, "job"), event_id="evt_a" + name)
    async with inbox.consuming(bus):
        assert await inbox.dead.get() == ("job", "still down")
    assert inbox.received.qsize() == 3


async def test_a_message_that_can_not_be_parsed_is_dead_at_once(
    bus: Bus, inbox: Inbox, name: str, shared_nats: RunningNats
) -> None:
    subject = subject_of(fact(name, "job"))
    await bus.publish_raw(subject, b"\xff not an envelope", "evt_bad" + name)
    await bus.publish(fact(name, "good"), event_id="evt_good" + name)
    async with DeadLetters(shared_nats.url) as letters, inbox.consuming(bus):
        letter = await letters.next()
        assert await inbox.next() == "good"
    assert letter.reason.startswith("the message can't be parsed: ")
    assert letter.unreadable == b"\xff not an envelope"
    assert (letter.subject, letter.deliveries) == (subject, 1)


async def test_at_most_max_in_flight_events_are_in_progress(bus: Bus, inbox: Inbox, name: str) -> None:
    in_progress, highest = 0, 0
    released = asyncio.Event()

    async def hold(*_: object) -> None:
        nonlocal in_progress, highest
        in_progress += 1
        highest = max(highest, in_progress)
        await released.wait()
        in_progress -= 1

    inbox.react = hold
    for number in range(6):
        await bus.publish(fact(name, f"job {number}"), event_id=f"evt_{number}{name}")
    async with inbox.consuming(bus, max_in_flight=2):
        jobs = {await inbox.next(), await inbox.next()}
        released.set()
        jobs |= {await inbox.next() for _ in range(4)}
    assert jobs == {f"job {number}" for number in range(6)}
    assert highest == 2


async def test_consuming_ends_even_if_a_handler_loses_the_cancellation(bus: Bus, inbox: Inbox, name: str) -> None:
    async def lose(*_: object) -> None:
        consuming.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    inbox.react = lose
    await bus.publish(fact(name, "job"), event_id="evt_a" + name)
    consuming = asyncio.ensure_future(bus.consume(inbox.handlers, max_in_flight=2))
    done, _ = await asyncio.wait([consuming], timeout=SOON)
    assert done == {consuming}
    assert consuming.cancelled()
    assert inbox.handled.get_nowait() == "job"


async def test_processes_of_a_service_share_its_events(
    connect: Connect, shared_nats: RunningNats, inbox: Inbox, name: str
) -> None:
    one, other = await connect(shared_nats.url), await connect(shared_nats.url)
    for number in range(20):
        await one.publish(fact(name, str(number)), event_id=f"evt_{number}{name}")
    async with inbox.consuming(one), inbox.consuming(other):
        jobs = [await inbox.next() for _ in range(20)]
        await one.publish(fact(name, "last"), event_id="evt_last" + name)
        assert await inbox.next() == "last"
    assert sorted(jobs, key=int) == [str(number) for number in range(20)]


async def test_a_broadcast_reaches_every_process_that_already_consumes(
    connect: Connect, shared_nats: RunningNats, name: str
) -> None:
    one, other = await connect(shared_nats.url), await connect(shared_nats.url)
    inboxes = Inbox(), Inbox()
    await one.publish(fact(name, "before"), event_id="evt_before" + name)

    async def until_both_consume() -> None:
        # The first event that reaches both proves that both consume.
        number = 0
        while any(box.received.empty() for box in inboxes):
            await one.publish(fact(name, "hello"), event_id=f"evt_hello{number}{name}")
            number += 1
            await asyncio.sleep(0.05)

    async with inboxes[0].consuming(one, broadcast="a"), inboxes[1].consuming(other, broadcast="b"):
        await until_both_consume()
        await one.publish(fact(name, "after"), event_id="evt_after" + name)
        for box in inboxes:
            jobs: list[str] = []
            while not jobs or jobs[-1] != "after":
                jobs.append(await box.next())
            assert set(jobs) == {"hello", "after"}


async def test_earlier_broadcasts_are_replayed_on_request(bus: Bus, inbox: Inbox, name: str) -> None:
    await bus.publish(fact(name, "before"), event_id="evt_before" + name)
    async with inbox.consuming(bus, broadcast="a", replay_seconds=60):
        assert await inbox.next() == "before"


async def test_consuming_a_broadcast_again_continues_where_it_ended(bus: Bus, inbox: Inbox, name: str) -> None:
    await bus.publish(fact(name, "before"), event_id="evt_before" + name)
    async with inbox.consuming(bus, broadcast="a", replay_seconds=60):
        assert await inbox.next() == "before"
        await inbox.handled.get()
    await bus.publish(fact(name, "between"), event_id="evt_between" + name)
    async with inbox.consuming(bus, broadcast="a", replay_seconds=60):
        assert await inbox.next() == "between"


async def test_one_connection_can_share_events_and_get_broadcasts(bus: Bus, name: str) -> None:
    shared, broadcast = Inbox(), Inbox()
    await bus.publish(fact(name, "job"), event_id="evt_a" + name)
    async with shared.consuming(bus), broadcast.consuming(bus, broadcast="a", replay_seconds=60):
        assert [await shared.next(), await broadcast.next()] == ["job", "job"]


async def test_the_server_deletes_the_consumer_of_an_ended_process(
    connect: Connect, shared_nats: RunningNats, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "BROADCAST_IDLE_SECONDS", 1.0)
    bus = await connect(shared_nats.url)
    client = await nats.connect(shared_nats.url)
    jetstream = client.jetstream()
    await bus.publish(fact(name, "job"), event_id="evt_a" + name)
    async with inbox.consuming(bus, broadcast="a", replay_seconds=60):
        await inbox.next()
        assert (await jetstream.consumer_info("VOICEARENA_TTS", f"{name}_a")).name == f"{name}_a"
    await bus.close()
    async with asyncio.timeout(SOON):
        while f"{name}_a" in [c.name for c in await jetstream.consumers_info("VOICEARENA_TTS")]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await client.close()


async def test_a_hundred_events_in_progress_need_two_subscriptions(bus: Bus, inbox: Inbox, name: str) -> None:
    released = asyncio.Event()

    async def hold(*_: object) -> None:
        await released.wait()

    inbox.react = hold
    before = len(bus._client._subs)
    for number in range(100):
        await bus.publish(fact(name, str(number)), event_id=f"evt_{number}{name}")
    async with inbox.consuming(bus, max_in_flight=100):
        jobs = {await inbox.next() for _ in range(100)}
        assert len(jobs) == 100
        assert len(bus._client._subs) - before <= consumption.FETCHERS
        released.set()
        for _ in range(100):
            await inbox.handled.get()


async def test_a_draining_process_finishes_its_events_and_takes_no_more(
    connect: Connect, shared_nats: RunningNats, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "ACK_WAIT_SECONDS", 10 * SOON)
    leaving, staying = await connect(shared_nats.url), await connect(shared_nats.url)
    released = asyncio.Event()

    async def hold(*_: object) -> None:
        await released.wait()

    inbox.react = hold
    await leaving.publish(fact(name, "in progress"), event_id="evt_a" + name)
    async with inbox.consuming(leaving, max_in_flight=4):
        assert await inbox.next() == "in progress"
        draining = asyncio.create_task(leaving.drain(SOON))
        await asyncio.sleep(0)
        await staying.publish(fact(name, "new"), event_id="evt_b" + name)
        other = Inbox()
        async with other.consuming(staying):
            assert await other.next() == "new"
            released.set()
            await draining
        assert inbox.handled.get_nowait() == "in progress"
    assert inbox.received.empty()


async def test_unfinished_events_of_a_drained_process_go_to_another_at_once(
    connect: Connect, shared_nats: RunningNats, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "ACK_WAIT_SECONDS", 10 * SOON)
    leaving, staying = await connect(shared_nats.url), await connect(shared_nats.url)

    async def hold(*_: object) -> None:
        await asyncio.Event().wait()

    inbox.react = hold
    for number in range(5):
        await leaving.publish(fact(name, str(number)), event_id=f"evt_{number}{name}")
    async with inbox.consuming(leaving, max_in_flight=4):
        started = {await inbox.next() for _ in range(4)}
        await leaving.drain(0.01)
        other = Inbox()
        async with other.consuming(staying, max_in_flight=4):
            taken = [await other.received.get() for _ in range(5)]
    assert {job for job, _ in taken} == {"0", "1", "2", "3", "4"}
    assert {job for job, metadata in taken if metadata.attempt == 2} == started


async def test_after_draining_a_process_takes_no_events(
    connect: Connect, shared_nats: RunningNats, inbox: Inbox, name: str
) -> None:
    leaving, staying = await connect(shared_nats.url), await connect(shared_nats.url)
    await leaving.drain(0)
    await leaving.publish(fact(name, "job"), event_id="evt_a" + name)
    other = Inbox()
    async with inbox.consuming(leaving), other.consuming(staying):
        assert await other.next() == "job"
    assert inbox.received.empty()


async def test_waiting_and_unfinished_events_are_measured(
    bus: Bus, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumption, "LAG_INTERVAL_SECONDS", 0.02)

    async def hold(*_: object) -> None:
        await asyncio.Event().wait()

    def measured() -> list[float | None]:
        names = ("in_hand", "waiting", "unconfirmed")
        labels = {"stream": "VOICEARENA_TTS", "consumer": "shared"}
        return [REGISTRY.get_sample_value(f"voicearena_events_{each}", labels) for each in names]

    inbox.react = hold
    for number in range(5):
        await bus.publish(fact(name, str(number)), event_id=f"evt_{number}{name}")
    async with inbox.consuming(bus, max_in_flight=2):
        while measured() != [2, 3, 2]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_the_ping_of_a_closed_bus_fails(connect: Connect, shared_nats: RunningNats) -> None:
    bus = await connect(shared_nats.url)
    await bus.ping()
    await bus.close()
    with pytest.raises(BusUnavailable):
        await bus.ping()


async def test_a_server_that_is_too_old_is_refused(
    connect: Connect, shared_nats: RunningNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "MIN_SERVER_VERSION", (99, 0))
    with pytest.raises(RuntimeError, match=r"NATS 2\.\d+ is too old: messages with a time to live need 99\.0 or newer"):
        await connect(shared_nats.url)


async def test_connecting_waits_for_the_server_to_start(connect: Connect, own_nats: RunningNats) -> None:
    await own_nats.stop()
    connecting = asyncio.ensure_future(connect(own_nats.url))
    async with asyncio.timeout(SOON):
        await own_nats.start()
        await (await connecting).ping()


async def test_consuming_continues_after_a_restart_of_the_server(
    connect: Connect, own_nats: RunningNats, inbox: Inbox, name: str
) -> None:
    bus = await connect(own_nats.url)
    async with inbox.consuming(bus, max_in_flight=3):
        await bus.publish(fact(name, "before"), event_id="evt_before")
        assert await inbox.next() == "before"
        await own_nats.stop()
        await own_nats.start()
        await until_published(bus, name, "after")
        assert await inbox.next() == "after"


async def test_streams_and_consumers_are_created_again_after_the_server_lost_its_data(
    connect: Connect, own_nats: RunningNats, inbox: Inbox, name: str
) -> None:
    bus = await connect(own_nats.url)
    async with inbox.consuming(bus, max_in_flight=3):
        await bus.publish(fact(name, "before"), event_id="evt_before")
        assert await inbox.next() == "before"
        await own_nats.stop()
        own_nats.wipe()
        await own_nats.start()
        for job in ("after", "later"):
            await until_published(bus, name, job)
            assert await inbox.next() == job


async def test_consumers_are_created_again_even_if_nobody_publishes(
    connect: Connect, own_nats: RunningNats, inbox: Inbox, name: str
) -> None:
    bus = await connect(own_nats.url)
    async with inbox.consuming(bus):
        await own_nats.stop()
        own_nats.wipe()
        await own_nats.start()
        client = await nats.connect(own_nats.url)
        jetstream = client.jetstream()
        while True:
            try:
                await jetstream.consumer_info("VOICEARENA_TTS", name)
                break
            except nats.js.errors.Error:
                await asyncio.sleep(0.05)
        await client.close()


async def until_published(bus: Bus, name: str, job: str) -> None:
    """Publishes an event. Retries while the bus is down, as an outbox does."""
    while True:
        try:
            return await bus.publish(fact(name, job), event_id=f"evt_{job}")
        except BusUnavailable:
            continue


async def test_publishing_fails_while_the_server_is_down(
    connect: Connect, own_nats: RunningNats, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "PUBLISH_TIMEOUT_SECONDS", 0.1)
    bus = await connect(own_nats.url)
    await own_nats.stop()
    async with asyncio.timeout(SOON):
        with pytest.raises(BusUnavailable, match="publishing to voicearena"):
            await bus.publish(fact(name, "job"), event_id="evt_a")
        with pytest.raises(BusUnavailable):
            await bus.ping()


async def test_concurrent_publishes_share_attempts_to_repair_while_the_server_is_down(
    connect: Connect, own_nats: RunningNats, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "PUBLISH_TIMEOUT_SECONDS", 0.1)
    bus = await connect(own_nats.url)
    await own_nats.stop()
    repairs = []
    ensure = bus._ensure

    async def counted() -> None:
        repairs.append(1)
        await ensure()

    monkeypatch.setattr(bus, "_ensure", counted)
    async with asyncio.timeout(SOON):
        outcomes = await asyncio.gather(
            *(bus.publish(fact(name, str(n)), event_id=f"evt_{n}") for n in range(200)), return_exceptions=True
        )
    assert {type(outcome) for outcome in outcomes} == {BusUnavailable}
    assert len(repairs) < 20


async def test_the_ping_needs_confirmed_publishes_and_working_consumers(
    connect: Connect, own_nats: RunningNats, inbox: Inbox, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = await connect(own_nats.url)
    monkeypatch.setattr(bus_module, "MAX_CONFIRMATION_AGE_SECONDS", 0.0)
    await bus.publish(fact(name, "job"), event_id="evt_a" + name)
    async with inbox.consuming(bus):
        assert await inbox.handled.get() == "job"
        await bus.ping()
        for limit, words in (
            ("MAX_SILENT_SECONDS", "does not answer|no task fetches events"),
            ("MAX_STUCK_SECONDS", "are waiting but not delivered"),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(consumption, limit, -1.0)
                with pytest.raises(BusUnavailable, match=words):
                    await bus.ping()
        await bus.ping()
    # The server responds but stores nothing, as on a full disk.
    client = await nats.connect(own_nats.url)
    for stream in await client.jetstream().streams_info():
        await client.jetstream().update_stream(stream.config.evolve(sealed=True))
    await client.close()
    with pytest.raises(BusUnavailable, match="NATS did not confirm"):
        await bus.ping()
