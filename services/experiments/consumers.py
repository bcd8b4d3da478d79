"""Events in: what tts and scoring have done, or could not do."""

from collections.abc import Mapping

from google.protobuf.message import Message
from voicearena.scoring.v1.events_pb2 import EvaluationCompleted, EvaluationFailed
from voicearena.tts.v1.events_pb2 import SpeechSynthesized, SynthesisFailed

from services.experiments import convert
from services.experiments.domain import TrialStatus
from services.experiments.usecases.progress import Progress
from services.runtime.bus import DeadHandler, Delivery, Handler

Answer = SpeechSynthesized | SynthesisFailed | EvaluationCompleted | EvaluationFailed


def handlers(progress: Progress) -> Mapping[type[Message], Handler]:
    """Returns what is done about each event."""

    async def speech_synthesized(event: SpeechSynthesized, delivery: Delivery) -> None:
        measured = convert.synthesis_measurements(event.measurements)
        await progress.synthesized(delivery.event_id, event.job_id, event.attempt, event.audio_name, measured)

    async def synthesis_failed(event: SynthesisFailed, delivery: Delivery) -> None:
        reason = f"{SynthesisFailed.Kind.Name(event.kind)}: {event.message}"
        await progress.failed(delivery.event_id, event.job_id, event.attempt, TrialStatus.SYNTHESIZING, reason)

    async def evaluation_completed(event: EvaluationCompleted, delivery: Delivery) -> None:
        measured = convert.signal_measurements(event.signal_metrics)
        await progress.evaluated(delivery.event_id, event.job_id, event.attempt, measured)

    async def evaluation_failed(event: EvaluationFailed, delivery: Delivery) -> None:
        await progress.failed(
            delivery.event_id, event.job_id, event.attempt, TrialStatus.SCORING, f"not measured: {event.message}"
        )

    return {
        SpeechSynthesized: speech_synthesized,
        SynthesisFailed: synthesis_failed,
        EvaluationCompleted: evaluation_completed,
        EvaluationFailed: evaluation_failed,
    }


def dead_handler(progress: Progress) -> DeadHandler:
    """Returns what is done about an answer that could not be taken in: its trial fails, and says why."""

    async def failed(event: Answer, delivery: Delivery, reason: str) -> None:
        during = (
            TrialStatus.SYNTHESIZING if isinstance(event, SpeechSynthesized | SynthesisFailed) else TrialStatus.SCORING
        )
        await progress.failed(delivery.event_id, event.job_id, event.attempt, during, f"not taken in: {reason}")

    return failed
