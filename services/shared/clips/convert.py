"""Converts what tts and scoring send into domain values."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from voicearena.scoring.v1 import evaluation_metrics_pb2, scoring_pb2
from voicearena.scoring.v1.events_pb2 import EvaluationCompleted, RecordingEvaluated
from voicearena.tts.v1 import tts_pb2
from voicearena.tts.v1.events_pb2 import SynthesisFailed

from services.shared.clips.domain import HeardSpeech
from services.shared.clips.queue_store import Provider
from services.shared.metrics import METRICS, Measurements, Source


def _measured_in(message: Descriptor, source: Source) -> Sequence[tuple[str, bool]]:
    """Returns the names of the metrics of a source, each with whether its field can be absent."""
    return [(one.name, message.fields_by_name[one.name].has_presence) for one in METRICS if one.source is source]


_SYNTHESIS = _measured_in(tts_pb2.SynthesisMeasurements.DESCRIPTOR, Source.SYNTHESIS)
_SIGNAL = _measured_in(evaluation_metrics_pb2.SignalMetrics.DESCRIPTOR, Source.SIGNAL)
_LISTENING = _measured_in(scoring_pb2.ListeningMetrics.DESCRIPTOR, Source.LISTENING)


def synthesis_measurements(measured: tts_pb2.SynthesisMeasurements) -> Measurements:
    """Returns the measurements of tts."""
    return Measurements(**_taken(measured, _SYNTHESIS))


def evaluation_measurements(event: EvaluationCompleted | RecordingEvaluated) -> Measurements:
    """Returns the measurements of scoring: from the samples, and from listening models if they ran."""
    return Measurements(**_taken(event.signal_metrics, _SIGNAL), **_taken(event.listening_metrics, _LISTENING))


def heard_speech(event: EvaluationCompleted | RecordingEvaluated) -> HeardSpeech | None:
    """Returns what models heard, None if nothing listened."""
    if not event.HasField("heard"):
        return None
    heard = event.heard
    return HeardSpeech(
        heard.transcript if heard.HasField("transcript") else None,
        MessageToDict(heard.words, preserving_proto_field_name=True) if heard.HasField("words") else None,
        dict(heard.backends),
    )


def _taken(message: Message, metrics: Sequence[tuple[str, bool]]) -> Mapping[str, Any]:
    return {name: getattr(message, name) for name, optional in metrics if not optional or message.HasField(name)}


def failure_kind(kind: int) -> str:
    """Returns the name of a kind of SynthesisFailed, or its number if this release does not know it."""
    names = SynthesisFailed.Kind.DESCRIPTOR.values_by_number
    return names[kind].name if kind in names else f"kind {kind}"


def provider(value: tts_pb2.Provider) -> Provider:
    """Returns the part of a provider that the dispatcher needs. The capacity is at least 1."""
    return Provider(id=value.id, max_concurrency=max(1, value.max_concurrency), local=value.local)
