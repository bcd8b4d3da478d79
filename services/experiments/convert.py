"""Between the domain and the wire."""

import dataclasses
from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2, results_pb2
from voicearena.scoring.v1 import scoring_pb2
from voicearena.tts.v1 import tts_pb2

from services.experiments.domain import EvalMode, Experiment, Measurements, ModelSpec, Trial
from services.experiments.usecases.plan import Plan
from services.experiments.verdict import CompositeProfile, HeadToHead, ModelRanking, Verdict
from services.runtime.audio_store import AudioLinks

_EXPERIMENT_STATUS = experiment_pb2.Experiment.Status
_TRIAL_STATUS = experiment_pb2.Trial.Status
_EVAL_MODE = experiment_pb2.Experiment.EvalMode
_LEVEL = results_pb2.Results.Level
_TRIAL_MEASUREMENTS = [f.name for f in dataclasses.fields(Measurements)]
_EVAL_MODES = {_EVAL_MODE.Value(mode): mode for mode in EvalMode}


def plan(request: experiment_service_pb2.CreateExperimentRequest) -> Plan:
    """Returns what a request asks for."""
    return Plan(
        name=request.name,
        scenario=request.scenario,
        eval_mode=_EVAL_MODES.get(request.eval_mode),
        models=[ModelSpec(model.provider, model.voice_id) for model in request.models],
        prompts=list(request.prompts),
        webhook_url=request.webhook_url,
        request_id=request.request_id,
    )


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
        composite=_composite(value.composite),
        primary_metric=value.primary_metric,
        audio_retention_days=value.audio_retention_days,
        cloned_from=value.cloned_from,
    )
    message.created_at.FromDatetime(value.created_at)
    if value.started_at is not None:
        message.started_at.FromDatetime(value.started_at)
    if value.ended_at is not None:
        message.ended_at.FromDatetime(value.ended_at)
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
    for name in _TRIAL_MEASUREMENTS:
        measured = getattr(value.measurements, name)
        if measured is not None:
            setattr(message, name, measured)
    if value.audio_name is not None:
        message.audio_url = links.url(value.audio_name)
    message.created_at.FromDatetime(value.created_at)
    if value.ended_at is not None:
        message.ended_at.FromDatetime(value.ended_at)
    return message


def _parameters(value: ModelSpec | Trial) -> tts_pb2.SpeechParameters:
    return tts_pb2.SpeechParameters(speed=value.speed, language=value.language, seed=value.seed)


def _composite(value: CompositeProfile) -> results_pb2.CompositeProfile:
    return results_pb2.CompositeProfile(
        name=value.name,
        version=value.version,
        weights=[results_pb2.CompositeWeight(metric=metric, weight=weight) for metric, weight in value.weights.items()],
    )


def synthesis_measurements(measured: tts_pb2.SynthesisMeasurements) -> Measurements:
    """Returns what tts measured."""
    return Measurements(
        duration_seconds=measured.duration_seconds,
        ttfb_ms=measured.ttfb_ms,
        generation_time_ms=measured.generation_time_ms,
        ttfa_ms=measured.ttfa_ms,
        leading_silence_ms=measured.leading_silence_ms,
        real_time_factor=measured.real_time_factor,
        connect_ms=measured.connect_ms if measured.HasField("connect_ms") else None,
        connection_reused=measured.connection_reused,
        transport=measured.transport,
        sample_rate_hz=measured.sample_rate_hz,
        region=measured.region if measured.HasField("region") else None,
    )


def signal_measurements(measured: scoring_pb2.SignalMetrics) -> Measurements:
    """Returns what scoring measured."""
    return Measurements(
        silence_ratio=measured.silence_ratio,
        trailing_silence_ms=measured.trailing_silence_ms,
        peak=measured.peak,
        clipping_ratio=measured.clipping_ratio,
        loudness_lufs=measured.loudness_lufs if measured.HasField("loudness_lufs") else None,
        dc_offset=measured.dc_offset,
    )


def results_to_store(experiment_id: str, verdict: Verdict, at: datetime) -> dict[str, Any]:
    """Returns results as they are stored: their JSON form, so that SQL can read them too."""
    message = results_pb2.Results(
        experiment_id=experiment_id,
        rankings=map(_ranking, verdict.rankings),
        head_to_head=map(_head_to_head, verdict.head_to_head),
        winner=verdict.winner.name if verdict.winner else None,
        confidence=_LEVEL.Value(verdict.confidence.name),
        leader=verdict.leader.name if verdict.leader else None,
        gap_level=_LEVEL.Value(verdict.gap_level.name),
        evidence_level=_LEVEL.Value(verdict.evidence_level.name),
        reasons=verdict.reasons,
        p_winner=verdict.p_winner,
        minimum_detectable_effect=verdict.minimum_detectable_effect,
        primary_metric=verdict.primary_metric,
        composite=_composite(verdict.composite),
        method_version=verdict.method_version,
    )
    message.computed_at.FromDatetime(at)
    return MessageToDict(message, preserving_proto_field_name=True)


def results(stored: dict[str, Any]) -> results_pb2.Results:
    """Returns stored results as they go over the wire."""
    return ParseDict(stored, results_pb2.Results(), ignore_unknown_fields=True)


def _ranking(value: ModelRanking) -> results_pb2.ModelRanking:
    return results_pb2.ModelRanking(
        provider=value.model.provider,
        voice_id=value.model.voice_id,
        model_id=value.model.model_id,
        rank=value.rank,
        composite_score=value.composite_score,
        trials_completed=value.trials_completed,
        trials_failed=value.trials_failed,
        reliability=value.reliability,
        avg_duration_seconds=value.avg_duration_seconds,
        avg_ttfb_ms=value.avg_ttfb_ms,
        avg_generation_time_ms=value.avg_generation_time_ms,
        avg_silence_ratio=value.avg_silence_ratio,
        median_ttfa_ms=value.median_ttfa_ms,
        components=[
            results_pb2.CompositeComponent(metric=metric, score=score) for metric, score in value.components.items()
        ],
    )


def _head_to_head(value: HeadToHead) -> results_pb2.HeadToHead:
    return results_pb2.HeadToHead(
        model_a=value.model_a.name,
        model_b=value.model_b.name,
        a_wins=value.a_wins,
        b_wins=value.b_wins,
        ties=value.ties,
        pairs=value.pairs,
        effect=value.effect,
        effect_low=value.effect_low,
        effect_high=value.effect_high,
        p_value=value.p_value,
        p_holm=value.p_holm,
    )
