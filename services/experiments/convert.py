"""Between the domain and the wire."""

from collections.abc import Iterable, Sequence

from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2, results_pb2
from voicearena.tts.v1 import tts_pb2

from services.experiments.domain import EvalMode, Experiment, ModelSpec, Trial
from services.experiments.planning.domain import Plan
from services.experiments.results import convert as results_convert
from services.runtime.audio_store import AudioLinks
from services.runtime.clock import now
from services.shared.metrics import METRICS

_EXPERIMENT_STATUS = experiment_pb2.Experiment.Status
_TRIAL_STATUS = experiment_pb2.Trial.Status
_EVAL_MODE = experiment_pb2.Experiment.EvalMode
EVAL_MODES = {_EVAL_MODE.Value(mode): mode for mode in EvalMode}


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
