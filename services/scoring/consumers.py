"""Events in."""

from collections.abc import Mapping

import structlog
from google.protobuf.message import Message
from voicearena.scoring.v1.events_pb2 import EvaluationDeletionRequested, EvaluationRequested

from services.runtime.bus import DeadHandler, Delivery, Handler
from services.scoring import convert
from services.scoring.usecases import Scoring

log = structlog.get_logger()


def handlers(scoring: Scoring) -> Mapping[type[Message], Handler]:
    """Returns what is done about each event."""

    async def evaluation_requested(event: EvaluationRequested, delivery: Delivery) -> None:
        await scoring.evaluate(convert.job(event, delivery.occurred_at), delivery.event_id)

    async def evaluation_deletion_requested(event: EvaluationDeletionRequested, delivery: Delivery) -> None:
        await scoring.delete(event.job_ids, delivery.event_id)

    return {
        EvaluationRequested: evaluation_requested,
        EvaluationDeletionRequested: evaluation_deletion_requested,
    }


def on_dead(scoring: Scoring) -> DeadHandler:
    """Returns what is done about an event that was given up."""

    async def given_up(event: Message, delivery: Delivery, reason: str) -> None:
        if isinstance(event, EvaluationRequested):
            await scoring.give_up(convert.job(event, delivery.occurred_at), delivery.event_id, reason)
        else:
            # Nobody waits for a deletion; its dead letter says what is left.
            log.error("a deletion was given up", event_id=delivery.event_id, reason=reason)

    return given_up
