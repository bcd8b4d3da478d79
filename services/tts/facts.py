"""Events out: what came of jobs, and what is known of providers. One function for each, and how they are published."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SpeechSynthesized, SynthesisDelayed, SynthesisFailed, VoicesDiscovered

from services.runtime.bus import Bus
from services.runtime.clock import timestamp
from services.tts import convert
from services.tts.domain import Capabilities, FailureKind, Job, StoredSpeech, Voice

Publish = Callable[[Message], Awaitable[None]]
"""Makes a fact known. Raises if that can't be confirmed."""


def speech_synthesized(job: Job, speech: StoredSpeech, provider_requests: int, share: int) -> SpeechSynthesized:
    """Returns the fact that a job's audio is stored, after so many requests to its provider.

    `share` is how many jobs its requester may have there now.
    """
    return SpeechSynthesized(
        requester=job.requester,
        job_id=job.job_id,
        attempt=job.attempt,
        audio_name=speech.audio_name,
        measurements=convert.measurements(speech.measurements),
        provider_requests=provider_requests,
        share=share,
    )


def synthesis_failed(job: Job, kind: FailureKind, message: str, provider_requests: int, share: int) -> SynthesisFailed:
    """Returns the fact that a job gave no usable audio, after so many requests to its provider.

    `share` is how many jobs its requester may have there now.
    """
    return SynthesisFailed(
        requester=job.requester,
        job_id=job.job_id,
        attempt=job.attempt,
        kind=SynthesisFailed.Kind.Value(kind.value),
        message=message,
        provider_requests=provider_requests,
        share=share,
    )


def synthesis_delayed(job: Job, until: datetime) -> SynthesisDelayed:
    """Returns the fact that a job waits until a time, as its provider asked."""
    return SynthesisDelayed(requester=job.requester, job_id=job.job_id, attempt=job.attempt, until=timestamp(until))


def voices_discovered(
    provider: Capabilities, voices: Sequence[Voice], usable: Sequence[str], unavailable_reason: str | None
) -> VoicesDiscovered:
    """Returns what is known of a provider: its voices, the best first, or why it can't be used.

    `usable` are the ids of all providers that have voices at this time.
    """
    return VoicesDiscovered(
        provider=convert.provider(provider, unavailable_reason),
        voices=map(convert.voice, voices),
        told_providers=usable,
    )


class FactPublisher:
    """Publishes facts.

    The same fact has the same event id, however often it is published and whatever its share is then. If a job is done
    again after its audio was deleted, its fact differs and so has another id. The fact of a provider has another id
    each time that it changes, even back to what it was, and in each process: `started` tells processes apart.
    """

    def __init__(self, bus: Bus, started: str) -> None:
        self._bus = bus
        self._started = started
        self._revisions: dict[str, tuple[Message, int]] = {}

    async def publish(self, fact: Message) -> None:
        """Publishes a fact; BusUnavailable if the bus does not confirm."""
        await self._bus.publish(fact, event_id=self._event_id(fact))

    def _event_id(self, fact: Message) -> str:
        """Returns `evt_` and 32 hexadecimal digits."""
        if isinstance(fact, VoicesDiscovered):
            before, revision = self._revisions.get(fact.provider.id, (None, 0))
            if fact != before:
                revision += 1
                self._revisions[fact.provider.id] = (fact, revision)
            identity = f"{self._started}\n{fact.provider.id}\n{revision}".encode()
        else:
            told = type(fact).FromString(fact.SerializeToString())
            if not isinstance(told, SynthesisDelayed):
                told.ClearField("share")
            identity = told.SerializeToString(deterministic=True)
        return "evt_" + hashlib.sha256(fact.DESCRIPTOR.name.encode() + b"\n" + identity).hexdigest()[:32]
