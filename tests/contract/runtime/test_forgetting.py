"""What somebody wrote, a prompt, leaves the bus once it was dealt with, and after an hour in any case."""

import asyncio
from collections.abc import AsyncIterator

import nats
import pytest
from nats.js import JetStreamContext, api
from nats.js import errors as js_errors
from voicearena.events.v1.envelope_pb2 import DeadLetter
from voicearena.tts.v1.events_pb2 import SynthesisRequested

from services.runtime import events, streams
from services.runtime.bus import Bus, Delivery
from services.runtime.events import DEAD_LETTER_STREAM, event_type
from tests.contract.runtime.conftest import SOON, Connect, fact, running
from tests.contract.stores.servers import RunningNats

PROMPT = "A sentence that nobody else should read."
STREAM = event_type(SynthesisRequested).stream


def asking(name: str) -> SynthesisRequested:
    return SynthesisRequested(requester=name, job_id="job_1", run_id="exp_1", text=PROMPT)


@pytest.fixture
async def jetstream(shared_nats: RunningNats) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(shared_nats.url)
    yield client.jetstream()
    await client.close()


async def stored(jetstream: JetStreamContext, name: str) -> list[api.RawStreamMsg]:
    """Returns the last request of a service as the bus has it, as a list of none or one."""
    subject = f"{event_type(SynthesisRequested).subject}.{name}"
    try:
        return [await jetstream.get_last_msg(STREAM, subject)]
    except js_errors.NotFoundError:
        return []


async def forgotten(jetstream: JetStreamContext, name: str) -> None:
    """Waits until the bus has no request of a service."""
    async with asyncio.timeout(SOON):
        while await stored(jetstream, name):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)


async def test_a_request_with_a_text_has_an_end_and_a_fact_without_has_none(
    bus: Bus, name: str, jetstream: JetStreamContext
) -> None:
    await bus.publish(asking(name), event_id="evt_a" + name)
    await bus.publish(fact(name, "job"), event_id="evt_b" + name)
    (asked,) = await stored(jetstream, name)
    told = await jetstream.get_last_msg(STREAM, f"{event_type(fact(name, 'job')).subject}.{name}")
    assert (asked.headers or {}).get(streams.TTL_HEADER) == f"{streams.PRIVATE_SECONDS}s"
    assert streams.TTL_HEADER not in (told.headers or {})


async def test_the_server_forgets_a_request_that_nobody_took_in_time(
    bus: Bus, name: str, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PRIVATE_SECONDS", 1)
    await bus.publish(asking(name), event_id="evt_a" + name)
    assert await stored(jetstream, name)
    await forgotten(jetstream, name)


async def test_a_request_is_gone_from_the_bus_once_it_was_dealt_with(
    bus: Bus, name: str, jetstream: JetStreamContext
) -> None:
    handled = asyncio.Event()

    async def take(event: SynthesisRequested, delivery: Delivery) -> None:
        if event.requester == name:
            assert event.text == PROMPT
            assert await stored(jetstream, name)
            handled.set()

    await bus.publish(asking(name), event_id="evt_a" + name)
    async with running(bus.consume({SynthesisRequested: take}, max_in_flight=1)):
        await handled.wait()
        await forgotten(jetstream, name)


async def test_a_dead_letter_says_what_it_was_about_without_what_somebody_wrote(
    bus: Bus, name: str, jetstream: JetStreamContext
) -> None:
    dead = asyncio.Event()

    async def refuse(event: SynthesisRequested, delivery: Delivery) -> None:
        if event.requester == name:
            raise ValueError("no")

    async def bury(event: SynthesisRequested, delivery: Delivery, reason: str) -> None:
        dead.set()

    await bus.publish(asking(name), event_id="evt_a" + name)
    async with running(bus.consume({SynthesisRequested: refuse}, max_in_flight=1, on_dead=bury)):
        await dead.wait()
        await forgotten(jetstream, name)
    last = await jetstream.get_last_msg(DEAD_LETTER_STREAM, events.DEAD_LETTER_SUBJECT)
    letter = DeadLetter.FromString(last.data or b"")
    event = SynthesisRequested()
    letter.envelope.event.Unpack(event)
    assert (event.requester, event.job_id, event.run_id, event.text) == (name, "job_1", "exp_1", "")
    assert PROMPT.encode() not in (last.data or b"")


async def test_a_stream_of_an_earlier_version_is_brought_up_to_date_and_forgets_texts(
    own_nats: RunningNats, connect: Connect, name: str
) -> None:
    client = await nats.connect(own_nats.url)
    jetstream = client.jetstream()
    old = next(each for each in streams.all_streams() if each.name == STREAM).config.evolve(allow_msg_ttl=False)
    await jetstream.add_stream(old)
    asked = f"{event_type(SynthesisRequested).subject}.{name}"
    told = f"{event_type(fact(name, 'job')).subject}.{name}"
    for subject in (asked, told):
        await jetstream.publish(subject, PROMPT.encode())
    await (await connect(own_nats.url)).ping()
    assert (await jetstream.stream_info(STREAM)).config.allow_msg_ttl
    assert await stored(jetstream, name) == []
    assert (await jetstream.get_last_msg(STREAM, told)).data == PROMPT.encode()
    await client.close()
