"""Converts experiments and trials to messages."""

from google.protobuf.json_format import ParseDict
from voicearena.experiments.v1 import experiment_pb2, results_pb2
from voicearena.tts.v1 import tts_pb2

from services.experiments.domain import Experiment, ModelSpec, Trial
from services.experiments.verdict import CompositeProfile
from services.runtime.audio_store import AudioLinks
from services.runtime.clock import now, timestamp
from services.shared.metrics import METRICS

_EXPERIMENT_STATUS = experiment_pb2.Experiment.Status
_TRIAL_STATUS = experiment_pb2.Trial.Status
_EVAL_MODE = experiment_pb2.Experiment.EvalMode


def status_filter(value: int) -> str:
    """Returns the name of the status to list, empty for all. An unknown number becomes a name that is refused."""
    if not value:
        return ""
    names = _EXPERIMENT_STATUS.DESCRIPTOR.values_by_number
    return names[value].name if value in names else str(value)


def experiment(value: Experiment) -> experiment_pb2.Experiment:
    """Returns an experiment as a message."""
    return experiment_pb2.Experiment(
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
        composite=composite(value.composite),
        primary_metric=value.primary_metric,
        audio_retention_days=value.audio_retention_days,
        cloned_from=value.cloned_from,
        listening=_listening(value),
        created_at=timestamp(value.created_at),
        started_at=timestamp(value.started_at),
        ended_at=timestamp(value.ended_at),
    )


def composite(value: CompositeProfile) -> results_pb2.CompositeProfile:
    """Returns a profile as a message."""
    return results_pb2.CompositeProfile(
        name=value.name,
        version=value.version,
        weights=[results_pb2.CompositeWeight(metric=metric, weight=weight) for metric, weight in value.weights.items()],
    )


def _listening(value: Experiment) -> experiment_pb2.ListeningProgress | None:
    if not value.eval_mode.asks_listeners:
        return None
    return experiment_pb2.ListeningProgress(
        votes_per_pair=value.votes_per_pair,
        votes_received=value.votes_received,
        votes_needed=value.votes_needed,
        open=value.listening_open(now()),
        closes_at=timestamp(value.listening_until),
    )


def trial(value: Trial, links: AudioLinks) -> experiment_pb2.Trial:
    """Returns a trial as a message, with a new link to its audio."""
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
        audio_deleted_at=timestamp(value.audio_deleted_at),
        created_at=timestamp(value.created_at),
        ended_at=timestamp(value.ended_at),
    )
    for metric in METRICS:
        measured = getattr(value.measurements, metric.name)
        if measured is not None:
            setattr(message, metric.name, measured)
    if (heard := value.heard_speech) is not None:
        if heard.transcript is not None:
            message.transcript = heard.transcript
        message.listening_backends.update(heard.backends)
        if heard.words is not None:
            ParseDict(dict(heard.words), message.words, ignore_unknown_fields=True)
    if value.audio_name is not None:
        message.audio_url = links.url(value.audio_name)
    return message


def _parameters(value: ModelSpec | Trial) -> tts_pb2.SpeechParameters:
    return tts_pb2.SpeechParameters(speed=value.speed, language=value.language, seed=value.seed)
