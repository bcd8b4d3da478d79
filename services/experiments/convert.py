"""Between the domain and the wire."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2, results_pb2
from voicearena.scoring.v1 import scoring_pb2
from voicearena.scoring.v1.events_pb2 import EvaluationCompleted
from voicearena.tts.v1 import tts_pb2
from voicearena.tts.v1.events_pb2 import SynthesisFailed

from services.experiments.domain import EvalMode, Experiment, ModelSpec, Trial
from services.experiments.planning.domain import Plan
from services.experiments.results import convert as results_convert
from services.experiments.running.dispatch_store import Provider
from services.runtime.audio_store import AudioLinks
from services.runtime.clock import now
from services.shared.metrics import METRICS, Measurements, Source

_EXPERIMENT_STATUS = experiment_pb2.Experiment.Status
_TRIAL_STATUS = experiment_pb2.Trial.Status
_EVAL_MODE = experiment_pb2.Experiment.EvalMode
EVAL_MODES = {_EVAL_MODE.Value(mode): mode for mode in EvalMode}


def _measured_in(message: Descriptor, source: Source) -> Sequence[tuple[str, bool]]:
    """Returns the metrics of a source, each with whether it may be absent from its message."""
    return [(one.name, message.fields_by_name[one.name].has_presence) for one in METRICS if one.source is source]


_SYNTHESIS = _measured_in(tts_pb2.SynthesisMeasurements.DESCRIPTOR, Source.SYNTHESIS)
_SIGNAL = _measured_in(scoring_pb2.SignalMetrics.DESCRIPTOR, Source.SIGNAL)
_LISTENING = _measured_in(scoring_pb2.ListeningMetrics.DESCRIPTOR, Source.LISTENING)


def plan(request: experiment_service_pb2.CreateExperimentRequest) -> Plan:
    """Returns what a request asks for."""
    return Plan(
        name=request.name,
        scenario=request.scenario,
        eval_mode=EVAL_MODES.get(request.eval_mode),
        models=model_specs(request.models),
        prompts=list(request.prompts),
        webhook_url=request.webhook_url,
        request_id=request.request_id,
        repeats=_optional(request, "repeats"),
        profile=request.profile,
        weights=weights(request.weights),
        primary_metric=request.primary_metric,
        seed=_optional(request, "seed"),
        votes_per_pair=_optional(request, "votes_per_pair"),
        listening_days=_optional(request, "listening_days"),
        audio_retention_days=_optional(request, "audio_retention_days"),
    )


def model_specs(requested: Iterable[experiment_pb2.ModelSpec]) -> Sequence[ModelSpec]:
    """Returns the models that a request names."""
    return [ModelSpec(model.provider, model.voice_id) for model in requested]


def weights(requested: Iterable[results_pb2.CompositeWeight]) -> Sequence[tuple[str, float]]:
    """Returns the weights that a request gives, each with its metric."""
    return [(weight.metric, weight.weight) for weight in requested]


def _optional(request: experiment_service_pb2.CreateExperimentRequest, field: str) -> int | None:
    return getattr(request, field) if request.HasField(field) else None  # type: ignore[arg-type]


def status_filter(value: int) -> str:
    """Returns the name of the status to list, empty for all; an unknown number becomes a name that is refused."""
    if not value:
        return ""
    names = _EXPERIMENT_STATUS.DESCRIPTOR.values_by_number
    return names[value].name if value in names else str(value)


def experiment(value: Experiment) -> experiment_pb2.Experiment:
    """Returns an experiment as it goes over the wire."""
    message = experiment_pb2.Experiment(
        id=value.id,
        developer_id=value.developer_id,
        name=value.name,
        scenario=value.scenario,
        eval_mode=_EVAL_MODE.Value(value.eval_mode),
        status=_EXPERIMENT_STATUS.Value(value.status),
        models=[
            experiment_pb2.ModelSpec(
                provider=m.provider, voice_id=m.voice_id, model_id=m.model_id, parameters=_parameters(m)
            )
            for m in value.models
        ],
        prompts=value.prompts,
        webhook_url=value.webhook_url,
        total_trials=value.total_trials,
        completed_trials=value.completed_trials,
        failed_trials=value.failed_trials,
        error_message=value.error_message,
        repeats=value.repeats,
        seed=value.seed,
        composite=results_convert.composite(value.composite),
        primary_metric=value.primary_metric,
        audio_retention_days=value.audio_retention_days,
        cloned_from=value.cloned_from,
        listening=_listening(value),
    )
    message.created_at.FromDatetime(value.created_at)
    if value.started_at is not None:
        message.started_at.FromDatetime(value.started_at)
    if value.ended_at is not None:
        message.ended_at.FromDatetime(value.ended_at)
    return message


def _listening(value: Experiment) -> experiment_pb2.ListeningProgress | None:
    if not value.eval_mode.asks_listeners:
        return None
    message = experiment_pb2.ListeningProgress(
        votes_per_pair=value.votes_per_pair,
        votes_received=value.votes_received,
        votes_needed=value.votes_needed,
        open=value.listening_open(now()),
    )
    if value.listening_until is not None:
        message.closes_at.FromDatetime(value.listening_until)
    return message


def trial(value: Trial, links: AudioLinks) -> experiment_pb2.Trial:
    """Returns a trial as it goes over the wire, with a new link to its audio."""
    message = experiment_pb2.Trial(
        id=value.id,
        experiment_id=value.experiment_id,
        prompt_index=value.prompt_index,
        model_index=value.model_index,
        repeat_index=value.repeat_index,
        position=value.position,
        prompt_text=value.prompt_text,
        provider=value.provider,
        voice_id=value.voice_id,
        model_id=value.model_id,
        status=_TRIAL_STATUS.Value(value.status),
        parameters=_parameters(value),
        error_kind=value.error_kind,
        error_message=value.error_message,
        attempts=value.attempts,
        provider_requests=value.provider_requests,
    )
    if value.audio_deleted_at is not None:
        message.audio_deleted_at.FromDatetime(value.audio_deleted_at)
    for metric in METRICS:
        measured = getattr(value.measurements, metric.name)
        if measured is not None:
            setattr(message, metric.name, measured)
    if value.audio_name is not None:
        message.audio_url = links.url(value.audio_name)
    message.created_at.FromDatetime(value.created_at)
    if value.ended_at is not None:
        message.ended_at.FromDatetime(value.ended_at)
    return message


def _parameters(value: ModelSpec | Trial) -> tts_pb2.SpeechParameters:
    return tts_pb2.SpeechParameters(speed=value.speed, language=value.language, seed=value.seed)


def synthesis_measurements(measured: tts_pb2.SynthesisMeasurements) -> Measurements:
    """Returns what tts measured."""
    return Measurements(**_taken(measured, _SYNTHESIS))


def evaluation_measurements(event: EvaluationCompleted) -> Measurements:
    """Returns all that scoring measured: of the samples, and by listening models where there are some."""
    return Measurements(**_taken(event.signal_metrics, _SIGNAL), **_taken(event.listening_metrics, _LISTENING))


def _taken(message: Message, metrics: Sequence[tuple[str, bool]]) -> Mapping[str, Any]:
    return {name: getattr(message, name) for name, optional in metrics if not optional or message.HasField(name)}


def failure_kind(kind: int) -> str:
    """Returns the name of a kind of SynthesisFailed; of one that is newer than this service, its number."""
    names = SynthesisFailed.Kind.DESCRIPTOR.values_by_number
    return names[kind].name if kind in names else f"kind {kind}"


def provider(value: tts_pb2.Provider) -> Provider:
    """Returns what the dispatcher has to know of a provider."""
    return Provider(id=value.id, max_concurrency=max(1, value.max_concurrency), local=value.local)
