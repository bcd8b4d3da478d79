"""Events in, use cases, facts out."""

import hashlib
from collections.abc import Mapping

import structlog
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SpeechDeletionRequested, SynthesisCancellationRequested, SynthesisRequested

from services.runtime.bus import Bus, DeadHandler, Delivery, Handler
from services.tts.convert import fact_to_event, job_from_event
from services.tts.domain import Fact, FailureKind, VoicesFound
from services.tts.usecases import jobs
from services.tts.usecases.studio import Studio

log = structlog.get_logger()


def handlers(studio: Studio) -> Mapping[type[Message], Handler]:
    """Returns what one of the processes does about each event."""

    async def synthesis_requested(event: SynthesisRequested, delivery: Delivery) -> None:
        await jobs.synthesize(studio, job_from_event(event, delivery.occurred_at))

    async def speech_deletion_requested(event: SpeechDeletionRequested, delivery: Delivery) -> None:
        await jobs.delete_speech(studio, event.job_ids)

    return {SynthesisRequested: synthesis_requested, SpeechDeletionRequested: speech_deletion_requested}


def broadcast_handlers(studio: Studio) -> Mapping[type[Message], Handler]:
    """Returns what every process does about each event."""

    async def synthesis_cancellation_requested(event: SynthesisCancellationRequested, delivery: Delivery) -> None:
        await jobs.cancel_run(studio, event.requester, event.run_id, delivery.occurred_at)

    return {SynthesisCancellationRequested: synthesis_cancellation_requested}


def on_dead(studio: Studio) -> DeadHandler:
    """Returns what is done about what could not be carried out, so that nobody waits for it."""

    async def given_up(event: Message, delivery: Delivery, reason: str) -> None:
        if isinstance(event, SynthesisRequested):
            job = job_from_event(event, delivery.occurred_at)
            message = f"the speech could not be made; the job was given up after several tries: {reason}"
            await jobs.give_up(studio, job, FailureKind.PROVIDER_UNAVAILABLE, message)
        else:
            # Nobody waits for a deletion; its dead letter says what is left.
            log.error("a deletion was given up", event_id=delivery.event_id, reason=reason)

    return given_up


class FactPublisher:
    """Publishes facts. The same fact has the same event id, however often it is published; one that says anything else,
    since the job was done again after its audio was deleted, has another, so that it is heard.

    What is told of a provider has another id each time that it has changed, even back to what it was, and in each
    process: `started` tells processes apart.
    """

    def __init__(self, bus: Bus, started: str) -> None:
        self._bus = bus
        self._started = started
        self._told: dict[str, tuple[Message, int]] = {}

    async def publish(self, fact: Fact) -> None:
        """Publishes a fact; BusUnavailable if the bus does not confirm."""
        event = fact_to_event(fact)
        await self._bus.publish(event, event_id=self._event_id(fact, event))

    def _event_id(self, fact: Fact, event: Message) -> str:
        """Returns `evt_` and 32 hexadecimal digits."""
        if isinstance(fact, VoicesFound):
            before, revision = self._told.get(fact.provider.id, (None, 0))
            if event != before:
                revision += 1
                self._told[fact.provider.id] = (event, revision)
            identity = f"{self._started}\n{fact.provider.id}\n{revision}".encode()
        else:
            identity = event.SerializeToString(deterministic=True)
        return "evt_" + hashlib.sha256(event.DESCRIPTOR.name.encode() + b"\n" + identity).hexdigest()[:32]
