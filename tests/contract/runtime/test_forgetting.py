"""Private events, such as those with a prompt, are deleted from the bus once handled, and after an hour in any case."""

import asyncio
from collections.abc import AsyncIterator

import nats
import pytest
from nats.js import JetStreamContext, api
from nats.js import errors as js_errors
from voicearena.events.v1.envelope_pb2 import DeadLetter
from voicearena.tts.v1.events_pb2 import SynthesisRequested

from services.runtime import events, streams
from services.runtime.bus import Bus, EventMetadata
from services.runtime.events import DEAD_LETTER_STREAM, event_type
from tests.contract.runtime.conftest import SOON, Connect, fact, running
from tests.contract.stores.servers import RunningNats

PROMPT = "A sentence that nobody else should read."
STREAM = event_type(SynthesisRequested).stream


def request(name: str) -> SynthesisRequested:
    return SynthesisRequested(requester=name, job_id="job_1", run_id="exp_1", text=PROMPT)


@pytest.fixture
async def jetstream(shared_nats: RunningNats) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(shared_nats.url)
    yield client.jetstream()
    await client.close()


async def stored(jetstream: JetStreamContext, name: str) -> list[api.RawStreamMsg]:
    """Returns the last request of a service on the bus, as a list with one entry or none."""
    subject = f"{event_type(SynthesisRequested).subject}.{name}"
    try:
        return [await jetstream.get_last_msg(STREAM, subject)]
    except js_errors.NotFoundError:
        return []


async def deleted(jetstream: JetStreamContext, name: str) -> None:
    """Waits until the bus has no request of a service."""
    async with asyncio.timeout(SOON):
        while await stored(jetstream, name):  # noqa: ASYNC110 - the server sends no notification
            await asyncio.sleep(0.02)


async def test_an_event_with_a_text_has_a_time_to_live_and_a_fact_without_has_none(
    bus: Bus, name: str, jetstream: JetStreamContext
) -> None:
    await bus.publish(request(name), event_id="evt_a" + name)
    await bus.publish(fact(name, "job"), event_id="evt_b" + name)
    (requested,) = await stored(jetstream, name)
    other = await jetstream.get_last_msg(STREAM, f"{event_type(fact(name, 'job')).subject}.{name}")
    assert (requested.headers or {}).get(streams.TTL_HEADER) == f"{streams.MAX_PRIVATE_AGE_SECONDS}s"
    assert streams.TTL_HEADER not in (other.headers or {})


async def test_the_server_deletes_a_private_event_after_its_time_to_live(
    bus: Bus, name: str, jetstream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_PRIVATE_AGE_SECONDS", 1)
    await bus.publish(request(name), event_id="evt_a" + name)
    assert await stored(jetstream, name)
    await deleted(jetstream, name)


async def test_a_private_event_is_deleted_once_it_is_handled(bus: Bus, name: str, jetstream: JetStreamContext) -> None:
    handled = asyncio.Event()

    async def take(event: SynthesisRequested, metadata: EventMetadata) -> None:
        if event.requester == name:
            assert event.text == PROMPT
            assert await stored(jetstream, name)
            handled.set()

    await bus.publish(request(name), event_id="evt_a" + name)
    async with running(bus.consume({SynthesisRequested: take}, max_in_flight=1)):
        await handled.wait()
        await deleted(jetstream, name)


async def test_a_dead_letter_has_the_ids_but_not_the_text(bus: Bus, name: str, jetstream: JetStreamContext) -> None:
    dead = asyncio.Event()

    async def fail(event: SynthesisRequested, metadata: EventMetadata) -> None:
        if event.requester == name:
            raise ValueError("no")

    async def give_up(event: SynthesisRequested, metadata: EventMetadata, reason: str) -> None:
        dead.set()

    await bus.publish(request(name), event_id="evt_a" + name)
    async with running(bus.consume({SynthesisRequested: fail}, max_in_flight=1, on_dead=give_up)):
        await dead.wait()
        await deleted(jetstream, name)
    last = await jetstream.get_last_msg(DEAD_LETTER_STREAM, events.DEAD_LETTER_SUBJECT)
    letter = DeadLetter.FromString(last.data or b"")
    event = SynthesisRequested()
    letter.envelope.event.Unpack(event)
    assert (event.requester, event.job_id, event.run_id, event.text) == (name, "job_1", "exp_1", "")
    assert PROMPT.encode() not in (last.data or b"")


async def test_a_stream_of_an_earlier_version_is_updated_and_its_texts_are_deleted(
    own_nats: RunningNats, connect: Connect, name: str
) -> None:
    client = await nats.connect(own_nats.url)
    jetstream = client.jetstream()
    old = next(each for each in streams.all_streams() if each.name == STREAM).config.evolve(allow_msg_ttl=False)
    await jetstream.add_stream(old)
    private = f"{event_type(SynthesisRequested).subject}.{name}"
    other = f"{event_type(fact(name, 'job')).subject}.{name}"
    for subject in (private, other):
        await jetstream.publish(subject, PROMPT.encode())
    await (await connect(own_nats.url)).ping()
    assert (await jetstream.stream_info(STREAM)).config.allow_msg_ttl
    assert await stored(jetstream, name) == []
    assert (await jetstream.get_last_msg(STREAM, other)).data == PROMPT.encode()
    await client.close()
