"""Consumes the events of tts and scoring: results, failures, delays, and the providers that tts has."""

from collections.abc import Mapping
from datetime import UTC

from google.protobuf.message import Message
from voicearena.scoring.v1.events_pb2 import EvaluationCompleted, EvaluationFailed
from voicearena.tts.v1.events_pb2 import SpeechSynthesized, SynthesisDelayed, SynthesisFailed, VoicesDiscovered

from services.runtime.bus import DeadHandler, EventMetadata, Handler
from services.shared.clips import convert
from services.shared.clips.dispatching import Dispatcher
from services.shared.clips.domain import EVALUATION_FAILED, ClipStatus
from services.shared.clips.progress import Progress

# The closest kind of SynthesisFailed: there is speech, but it can't be used.
UNUSABLE_RESULT = "bad_audio"

WorkResult = SpeechSynthesized | SynthesisFailed | EvaluationCompleted | EvaluationFailed


def handlers(progress: Progress, dispatcher: Dispatcher) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event."""

    async def speech_synthesized(event: SpeechSynthesized, metadata: EventMetadata) -> None:
        await progress.synthesized(
            metadata.event_id,
            event.job_id,
            event.attempt,
            event.audio_name,
            convert.synthesis_measurements(event.measurements),
            event.provider_requests,
            event.share,
        )

    async def synthesis_failed(event: SynthesisFailed, metadata: EventMetadata) -> None:
        kind = convert.failure_kind(event.kind)
        await progress.failed(
            metadata.event_id,
            event.job_id,
            event.attempt,
            ClipStatus.SYNTHESIZING,
            f"{kind}: {event.message}",
            kind=kind,
            provider_requests=event.provider_requests,
            share=event.share,
        )

    async def synthesis_delayed(event: SynthesisDelayed, metadata: EventMetadata) -> None:
        until = event.until.ToDatetime(tzinfo=UTC)
        await progress.delayed(metadata.event_id, event.job_id, event.attempt, until)

    async def evaluation_completed(event: EvaluationCompleted, metadata: EventMetadata) -> None:
        await progress.evaluated(
            metadata.event_id,
            event.job_id,
            event.attempt,
            convert.evaluation_measurements(event),
            convert.heard_speech(event),
        )

    async def evaluation_failed(event: EvaluationFailed, metadata: EventMetadata) -> None:
        await progress.failed(
            metadata.event_id,
            event.job_id,
            event.attempt,
            ClipStatus.SCORING,
            f"evaluation failed: {event.message}",
            kind=EVALUATION_FAILED,
        )

    async def voices_discovered(event: VoicesDiscovered, metadata: EventMetadata) -> None:
        await dispatcher.record_provider(convert.provider(event.provider), metadata.occurred_at)

    return {
        SpeechSynthesized: speech_synthesized,
        SynthesisFailed: synthesis_failed,
        SynthesisDelayed: synthesis_delayed,
        EvaluationCompleted: evaluation_completed,
        EvaluationFailed: evaluation_failed,
        VoicesDiscovered: voices_discovered,
    }


def dead_handler(progress: Progress) -> DeadHandler:
    """Returns the handler of dead events. If a result could not be processed, its clip fails with the reason."""

    async def failed(event: Message, metadata: EventMetadata, reason: str) -> None:
        # VoicesDiscovered is published again, and SynthesisDelayed only saves a request. The user of clips may handle
        # other events too.
        if not isinstance(event, WorkResult):
            return
        of_speech = isinstance(event, SpeechSynthesized | SynthesisFailed)
        await progress.failed(
            metadata.event_id,
            event.job_id,
            event.attempt,
            ClipStatus.SYNTHESIZING if of_speech else ClipStatus.SCORING,
            f"the result could not be processed: {reason}",
            kind=UNUSABLE_RESULT if of_speech else EVALUATION_FAILED,
        )

    return failed
