"""Events in and facts out, with their event ids."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import (
    SpeechDeletionRequested,
    SpeechSynthesized,
    SynthesisCancellationRequested,
    SynthesisFailed,
    SynthesisRequested,
)

from services.runtime.bus import Bus, EventMetadata
from services.tts import facts
from services.tts.consumers import broadcast_handlers, handlers, on_dead
from services.tts.domain import Capabilities, FailureKind, Voice
from services.tts.facts import FactPublisher
from tests.unit.tts.use_cases import job, kept, use_cases

METADATA = EventMetadata("evt_1", 1, datetime(2026, 1, 1, tzinfo=UTC), "")
REQUEST = SynthesisRequested(
    requester="experiments",
    job_id="trl_1",
    attempt=2,
    developer_id="dev_1",
    text="Hello.",
    provider="fake",
    voice_id="bob",
    parameters={"speed": 1.5},
)


class RecordingBus:
    """Stores the published messages."""

    def __init__(self) -> None:
        self.published: list[tuple[Message, str]] = []

    async def publish(self, message: Message, *, event_id: str) -> None:
        self.published.append((message, event_id))


def publisher(started: str = "today") -> tuple[RecordingBus, FactPublisher]:
    bus = RecordingBus()
    return bus, FactPublisher(cast(Bus, bus), started)


async def test_a_requested_job_is_spoken(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await handlers(tts.jobs)[SynthesisRequested](REQUEST, METADATA)
    (fact,) = tts.facts
    assert isinstance(fact, SpeechSynthesized)
    assert (fact.requester, fact.attempt, fact.job_id) == ("experiments", 2, "trl_1")
    assert json.loads((tmp_path / "trl_1.json").read_text())["developer_id"] == "dev_1"
    asked = tts.engine.utterances[0]
    assert (asked.text, asked.voice_id, asked.parameters.speed) == ("Hello.", "bob", 1.5)


async def test_a_dead_request_fails_its_job(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await on_dead(tts.jobs)(REQUEST, METADATA, "no response in time")
    (fact,) = tts.facts
    assert isinstance(fact, SynthesisFailed)
    assert fact.kind == SynthesisFailed.provider_unavailable
    assert fact.message == "The speech could not be made; the job failed after the last attempt: no response in time"


async def test_the_fact_of_stored_speech_has_its_measurements(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await handlers(tts.jobs)[SynthesisRequested](REQUEST, METADATA)
    bus, sender = publisher()
    await sender.publish(tts.facts[0])
    event = cast(Any, bus.published[0][0])
    assert (event.requester, event.job_id, event.attempt) == ("experiments", "trl_1", 2)
    assert (event.audio_name, event.provider_requests) == ("trl_1.wav", 1)
    assert event.measurements.ttfb_ms == pytest.approx(100.0)
    assert event.measurements.duration_seconds == 0.6
    assert not event.measurements.HasField("connect_ms")
    assert not event.measurements.HasField("region")


@pytest.mark.parametrize("kind", list(FailureKind))
async def test_every_kind_of_failure_has_a_value_in_the_proto(kind: FailureKind) -> None:
    bus, sender = publisher()
    await sender.publish(facts.synthesis_failed(job(), kind, "why", 2, 4))
    event = cast(Any, bus.published[0][0])
    assert SynthesisFailed.Kind.Name(event.kind) == kind.value
    assert (event.message, event.provider_requests, event.share) == ("why", 2, 4)


async def test_equal_facts_have_the_same_id_and_different_facts_do_not() -> None:
    bus, sender = publisher()
    fact = facts.synthesis_failed(job(), FailureKind.TIMED_OUT, "why", 2, 4)
    again = facts.synthesis_failed(job(), FailureKind.TIMED_OUT, "why", 2, 1)
    asked_more = facts.synthesis_failed(job(), FailureKind.TIMED_OUT, "why", 3, 4)
    later = facts.synthesis_failed(job(attempt=2), FailureKind.TIMED_OUT, "why", 2, 4)
    for each in (fact, again, asked_more, later):
        await sender.publish(each)
    ids = [event_id for _, event_id in bus.published]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


async def test_a_fact_of_a_provider_has_a_new_id_after_each_change_and_each_start() -> None:
    voices = (Voice("p", "ann", "Ann", ("en",), "m1", 24000),)
    provider = Capabilities("p", "P", True, True, 100, 1)
    up = facts.voices_discovered(provider, voices, ["p"], None)
    down = facts.voices_discovered(provider, [], [], "set P_API_KEY")
    bus, sender = publisher("monday")
    for fact in (up, up, down, up):
        await sender.publish(fact)
    later, sender_later = publisher("tuesday")
    await sender_later.publish(up)
    ids = [event_id for _, event_id in bus.published + later.published]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    available, _, unavailable, _ = (cast(Any, event) for event, _ in bus.published)
    assert available.provider.available
    assert list(available.told_providers) == ["p"]
    assert [(voice.voice_id, list(voice.languages)) for voice in available.voices] == [("ann", ["en"])]
    assert (unavailable.provider.available, unavailable.provider.unavailable_reason) == (False, "set P_API_KEY")
    assert not unavailable.voices


async def test_a_dead_deletion_publishes_nothing(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await on_dead(tts.jobs)(SpeechDeletionRequested(job_ids=["trl_1"]), METADATA, "why")
    assert tts.facts == []


async def test_a_deletion_deletes_and_a_cancellation_cancels_the_run_of_its_requester(tmp_path: Path) -> None:
    tts = await use_cases(tmp_path)
    await handlers(tts.jobs)[SynthesisRequested](REQUEST, METADATA)
    await handlers(tts.jobs)[SpeechDeletionRequested](SpeechDeletionRequested(job_ids=["trl_1"]), METADATA)
    assert kept(tmp_path) == []
    cancellation = SynthesisCancellationRequested(requester="experiments", run_id="exp_1")
    await broadcast_handlers(tts.jobs)[SynthesisCancellationRequested](cancellation, METADATA)
    cancelled = SynthesisRequested()
    cancelled.CopyFrom(REQUEST)
    cancelled.run_id = "exp_1"
    await handlers(tts.jobs)[SynthesisRequested](cancelled, METADATA)
    last = tts.facts[-1]
    assert isinstance(last, SynthesisFailed)
    assert last.kind == SynthesisFailed.cancelled
