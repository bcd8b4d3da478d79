"""Events in: what tts and scoring have done, or could not do, and what providers tts has."""

from collections.abc import Mapping
from datetime import UTC

from google.protobuf.message import Message
from voicearena.scoring.v1.events_pb2 import EvaluationCompleted, EvaluationFailed
from voicearena.tts.v1.events_pb2 import SpeechSynthesized, SynthesisDelayed, SynthesisFailed, VoicesDiscovered

from services.runtime.bus import DeadHandler, Delivery, Handler
from services.shared.clips import convert
from services.shared.clips.dispatching import Dispatcher
from services.shared.clips.domain import EVALUATION_FAILED, ClipStatus
from services.shared.clips.progress import Progress

# The nearest of the kinds of SynthesisFailed: there is speech, and it can't be used.
NOT_TAKEN_IN = "bad_audio"

Answer = SpeechSynthesized | SynthesisFailed | EvaluationCompleted | EvaluationFailed


def handlers(progress: Progress, dispatcher: Dispatcher) -> Mapping[type[Message], Handler]:
    """Returns what is done about each event."""

    async def speech_synthesized(event: SpeechSynthesized, delivery: Delivery) -> None:
        await progress.synthesized(
            delivery.event_id,
            event.job_id,
            event.attempt,
            event.audio_name,
            convert.synthesis_measurements(event.measurements),
            event.provider_requests,
            event.share,
        )

    async def synthesis_failed(event: SynthesisFailed, delivery: Delivery) -> None:
        kind = convert.failure_kind(event.kind)
        await progress.failed(
            delivery.event_id,
            event.job_id,
            event.attempt,
            ClipStatus.SYNTHESIZING,
            f"{kind}: {event.message}",
            kind=kind,
            provider_requests=event.provider_requests,
            share=event.share,
        )

    async def synthesis_delayed(event: SynthesisDelayed, delivery: Delivery) -> None:
        until = event.until.ToDatetime(tzinfo=UTC)
        await progress.delayed(delivery.event_id, event.job_id, event.attempt, until)

    async def evaluation_completed(event: EvaluationCompleted, delivery: Delivery) -> None:
        await progress.evaluated(delivery.event_id, event.job_id, event.attempt, convert.evaluation_measurements(event))

    async def evaluation_failed(event: EvaluationFailed, delivery: Delivery) -> None:
        await progress.failed(
            delivery.event_id,
            event.job_id,
            event.attempt,
            ClipStatus.SCORING,
            f"not measured: {event.message}",
            kind=EVALUATION_FAILED,
        )

    async def voices_discovered(event: VoicesDiscovered, delivery: Delivery) -> None:
        await dispatcher.learn(convert.provider(event.provider), delivery.occurred_at)

    return {
        SpeechSynthesized: speech_synthesized,
        SynthesisFailed: synthesis_failed,
        SynthesisDelayed: synthesis_delayed,
        EvaluationCompleted: evaluation_completed,
        EvaluationFailed: evaluation_failed,
        VoicesDiscovered: voices_discovered,
    }


def dead_handler(progress: Progress) -> DeadHandler:
    """Returns what is done about an answer that could not be taken in: its clip fails, and says why."""

    async def failed(event: Message, delivery: Delivery, reason: str) -> None:
        # tts tells of its providers again, and a delay only spares a request. The user may handle other events besides.
        if not isinstance(event, Answer):
            return
        of_speech = isinstance(event, SpeechSynthesized | SynthesisFailed)
        await progress.failed(
            delivery.event_id,
            event.job_id,
            event.attempt,
            ClipStatus.SYNTHESIZING if of_speech else ClipStatus.SCORING,
            f"not taken in: {reason}",
            kind=NOT_TAKEN_IN if of_speech else EVALUATION_FAILED,
        )

    return failed
