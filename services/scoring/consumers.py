"""Events in."""

from collections.abc import Mapping

from google.protobuf.message import Message
from voicearena.scoring.v1.events_pb2 import EvaluationRequested

from services.runtime.bus import DeadHandler, Delivery, Handler
from services.scoring import convert
from services.scoring.usecases import Scoring


def handlers(scoring: Scoring) -> Mapping[type[Message], Handler]:
    """Returns what is done about each event."""

    async def evaluation_requested(event: EvaluationRequested, delivery: Delivery) -> None:
        await scoring.evaluate(convert.job(event, delivery.occurred_at), delivery.event_id)

    return {EvaluationRequested: evaluation_requested}


def on_dead(scoring: Scoring) -> DeadHandler:
    """Returns what is done about an event that was given up."""

    async def given_up(event: EvaluationRequested, delivery: Delivery, reason: str) -> None:
        await scoring.give_up(convert.job(event, delivery.occurred_at), delivery.event_id, reason)

    return given_up
