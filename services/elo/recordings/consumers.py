"""Consumes what scoring says about recordings: that one was evaluated, and that an evaluation was deleted."""

from collections.abc import Mapping
from dataclasses import replace

from google.protobuf.message import Message
from voicearena.scoring.v1.events_pb2 import RecordingEvaluated, RecordingEvaluationDeleted

from services.elo.recordings.usecases import EvaluatedRecording, Recordings
from services.runtime.bus import EventMetadata, Handler
from services.shared.clips import convert


def handlers(recordings: Recordings) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event."""

    async def recording_evaluated(event: RecordingEvaluated, metadata: EventMetadata) -> None:
        await recordings.take(_evaluated(event), metadata.event_id)

    async def recording_evaluation_deleted(event: RecordingEvaluationDeleted, metadata: EventMetadata) -> None:
        await recordings.forget(event.evaluation_id, metadata.event_id)

    return {RecordingEvaluated: recording_evaluated, RecordingEvaluationDeleted: recording_evaluation_deleted}


def _evaluated(event: RecordingEvaluated) -> EvaluatedRecording:
    """Returns the recording of an event. Nobody spoke it for the mesh, so it has no latency."""
    measured = replace(convert.evaluation_measurements(event), duration_seconds=event.duration_seconds)
    if event.HasField("signal_metrics"):
        measured = replace(measured, leading_silence_ms=event.signal_metrics.leading_silence_ms)
    return EvaluatedRecording(
        evaluation_id=event.evaluation_id,
        developer_id=event.developer_id,
        model_id=event.model_id,
        scenario_id=event.scenario_id,
        audio_name=event.audio_name,
        seconds=event.duration_seconds,
        audible=event.signal_metrics.audible,
        measurements=measured,
        heard=convert.heard_speech(event),
    )
