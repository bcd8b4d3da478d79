"""Events out: the outcomes of jobs and the state of providers. One function builds each fact."""

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
"""Publishes a fact. Raises if the bus does not confirm it."""


def speech_synthesized(job: Job, speech: StoredSpeech, provider_requests: int, share: int) -> SpeechSynthesized:
    """Returns the fact that a job's audio is stored.

    `provider_requests` is how many requests the job made. `share` is how many jobs its requester should have at the
    provider now.
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
    """Returns the fact that a job failed.

    `provider_requests` is how many requests the job made. `share` is how many jobs its requester should have at the
    provider now.
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
    """Returns the fact that the next try of a job is delayed until a time."""
    return SynthesisDelayed(requester=job.requester, job_id=job.job_id, attempt=job.attempt, until=timestamp(until))


def voices_discovered(
    provider: Capabilities, voices: Sequence[Voice], usable: Sequence[str], unavailable_reason: str | None
) -> VoicesDiscovered:
    """Returns the fact with a provider's voices, the best first, or the reason why it can't be used.

    `usable` are the ids of all providers that have voices now.
    """
    return VoicesDiscovered(
        provider=convert.provider(provider, unavailable_reason),
        voices=map(convert.voice, voices),
        told_providers=usable,
    )


class FactPublisher:
    """Publishes facts, with event ids by which consumers recognise repeated facts.

    A fact of a job has the same event id each time it is published, whatever its share is. If a job is done again after
    its audio was deleted, the fact differs and so has another id. A fact of a provider gets another id each time it
    changes, also when it changes back, and in each process: `started` identifies the process.
    """

    def __init__(self, bus: Bus, started: str) -> None:
        self._bus = bus
        self._started = started
        self._revisions: dict[str, tuple[Message, int]] = {}

    async def publish(self, fact: Message) -> None:
        """Publishes a fact. Raises BusUnavailable if the bus does not confirm it."""
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
            copy = type(fact).FromString(fact.SerializeToString())
            if not isinstance(copy, SynthesisDelayed):
                copy.ClearField("share")
            identity = copy.SerializeToString(deterministic=True)
        return "evt_" + hashlib.sha256(fact.DESCRIPTOR.name.encode() + b"\n" + identity).hexdigest()[:32]
