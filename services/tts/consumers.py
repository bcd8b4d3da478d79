"""Events in: calls the use cases, and handles events that failed after the last attempt."""

from collections.abc import Mapping

import structlog
from google.protobuf.message import Message
from voicearena.tts.v1.events_pb2 import SpeechDeletionRequested, SynthesisCancellationRequested, SynthesisRequested

from services.runtime.bus import DeadHandler, EventMetadata, Handler
from services.tts import convert
from services.tts.domain import FailureKind
from services.tts.usecases.jobs import Jobs

log = structlog.get_logger()


def handlers(jobs: Jobs) -> Mapping[type[Message], Handler]:
    """Returns the handlers of events that one process of the service handles."""

    async def synthesis_requested(event: SynthesisRequested, metadata: EventMetadata) -> None:
        await jobs.synthesize(convert.job(event, metadata.occurred_at))

    async def speech_deletion_requested(event: SpeechDeletionRequested, metadata: EventMetadata) -> None:
        await jobs.delete(event.job_ids)

    return {SynthesisRequested: synthesis_requested, SpeechDeletionRequested: speech_deletion_requested}


def broadcast_handlers(jobs: Jobs) -> Mapping[type[Message], Handler]:
    """Returns the handlers of events that every process of the service handles."""

    async def synthesis_cancellation_requested(event: SynthesisCancellationRequested, metadata: EventMetadata) -> None:
        await jobs.cancel_run(event.requester, event.run_id, metadata.occurred_at)

    return {SynthesisCancellationRequested: synthesis_cancellation_requested}


def on_dead(jobs: Jobs) -> DeadHandler:
    """Returns the handler of dead events. It fails a dead job, so that its requester stops waiting."""

    async def given_up(event: Message, metadata: EventMetadata, reason: str) -> None:
        if isinstance(event, SynthesisRequested):
            job = convert.job(event, metadata.occurred_at)
            message = f"The speech could not be made; the job failed after the last attempt: {reason}"
            await jobs.give_up(job, FailureKind.PROVIDER_UNAVAILABLE, message)
        else:
            # Nobody waits for a deletion. Its dead letter names the jobs whose audio is left.
            log.error("a deletion failed after the last attempt", event_id=metadata.event_id, reason=reason)

    return given_up
