"""Consumes requests to evaluate audio and to delete evaluations."""

from collections.abc import Mapping

import structlog
from google.protobuf.message import Message
from voicearena.scoring.v1.events_pb2 import EvaluationDeletionRequested, EvaluationRequested

from services.runtime.bus import DeadHandler, EventMetadata, Handler
from services.scoring import convert
from services.scoring.usecases import Scoring

log = structlog.get_logger()


def handlers(scoring: Scoring) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event."""

    async def evaluation_requested(event: EvaluationRequested, metadata: EventMetadata) -> None:
        await scoring.evaluate(convert.job(event, metadata.occurred_at), metadata.event_id)

    async def evaluation_deletion_requested(event: EvaluationDeletionRequested, metadata: EventMetadata) -> None:
        await scoring.delete(event.job_ids, metadata.event_id)

    return {
        EvaluationRequested: evaluation_requested,
        EvaluationDeletionRequested: evaluation_deletion_requested,
    }


def on_dead(scoring: Scoring) -> DeadHandler:
    """Returns the handler of dead events. A dead request fails its evaluation."""

    async def dead(event: Message, metadata: EventMetadata, reason: str) -> None:
        if isinstance(event, EvaluationRequested):
            await scoring.give_up(convert.job(event, metadata.occurred_at), metadata.event_id, reason)
        else:
            # Nobody waits for a deletion. The dead letter says what was not deleted.
            log.error("a deletion has failed for good", event_id=metadata.event_id, reason=reason)

    return dead
