"""Events in: the same use cases, and what is done with what they can't carry out."""

from collections.abc import Mapping

import structlog
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SpeechDeletionRequested, SynthesisCancellationRequested, SynthesisRequested

from services.runtime.bus import DeadHandler, Delivery, Handler
from services.tts import convert
from services.tts.domain import FailureKind
from services.tts.usecases.jobs import Jobs

log = structlog.get_logger()


def handlers(jobs: Jobs) -> Mapping[type[Message], Handler]:
    """Returns what one of the processes does about each event."""

    async def synthesis_requested(event: SynthesisRequested, delivery: Delivery) -> None:
        await jobs.synthesize(convert.job(event, delivery.occurred_at))

    async def speech_deletion_requested(event: SpeechDeletionRequested, delivery: Delivery) -> None:
        await jobs.delete(event.job_ids)

    return {SynthesisRequested: synthesis_requested, SpeechDeletionRequested: speech_deletion_requested}


def broadcast_handlers(jobs: Jobs) -> Mapping[type[Message], Handler]:
    """Returns what every process does about each event."""

    async def synthesis_cancellation_requested(event: SynthesisCancellationRequested, delivery: Delivery) -> None:
        await jobs.cancel_run(event.requester, event.run_id, delivery.occurred_at)

    return {SynthesisCancellationRequested: synthesis_cancellation_requested}


def on_dead(jobs: Jobs) -> DeadHandler:
    """Returns what is done about what could not be carried out, so that nobody waits for it."""

    async def given_up(event: Message, delivery: Delivery, reason: str) -> None:
        if isinstance(event, SynthesisRequested):
            job = convert.job(event, delivery.occurred_at)
            message = f"the speech could not be made; the job was given up after several tries: {reason}"
            await jobs.give_up(job, FailureKind.PROVIDER_UNAVAILABLE, message)
        else:
            # Nobody waits for a deletion; its dead letter says what is left.
            log.error("a deletion was given up", event_id=delivery.event_id, reason=reason)

    return given_up
