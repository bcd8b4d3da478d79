"""Converts requests that create or clone an experiment to plans."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2, results_pb2

from services.experiments.domain import EvalMode, ModelSpec
from services.experiments.planning.domain import Plan

_EVAL_MODES = {experiment_pb2.Experiment.EvalMode.Value(mode): mode for mode in EvalMode}


def plan(request: experiment_service_pb2.CreateExperimentRequest) -> Plan:
    """Returns the plan in a request."""
    return Plan(
        name=request.name,
        scenario=request.scenario,
        eval_mode=_EVAL_MODES.get(request.eval_mode),
        models=_model_specs(request.models),
        prompts=list(request.prompts),
        webhook_url=request.webhook_url,
        request_id=request.request_id,
        repeats=_optional(request, "repeats"),
        profile=request.profile,
        weights=_weights(request.weights),
        primary_metric=request.primary_metric,
        seed=_optional(request, "seed"),
        votes_per_pair=_optional(request, "votes_per_pair"),
        listening_days=_optional(request, "listening_days"),
        audio_retention_days=_optional(request, "audio_retention_days"),
    )


def changed_plan(original: Plan, request: experiment_service_pb2.CloneExperimentRequest) -> Plan:
    """Returns the plan of a clone: the original's plan with the changes in the request."""
    changes: dict[str, Any] = {"request_id": request.request_id}
    for name in ("name", "scenario", "primary_metric"):
        if getattr(request, name):
            changes[name] = getattr(request, name)
    if request.eval_mode:
        changes["eval_mode"] = _EVAL_MODES.get(request.eval_mode)
    if request.models:
        changes["models"] = _model_specs(request.models)
    if request.prompts:
        changes["prompts"] = list(request.prompts)
    if request.profile or request.weights:
        # A profile replaces weights, and weights replace a profile.
        changes["composite"] = None
        changes["profile"] = request.profile
        changes["weights"] = _weights(request.weights)
    for name in ("webhook_url", "repeats", "seed", "votes_per_pair", "listening_days", "audio_retention_days"):
        if request.HasField(name):  # type: ignore[arg-type]
            changes[name] = getattr(request, name)
    return dataclasses.replace(original, **changes)


def _model_specs(requested: Iterable[experiment_pb2.ModelSpec]) -> Sequence[ModelSpec]:
    return [ModelSpec(model.provider, model.voice_id) for model in requested]


def _weights(requested: Iterable[results_pb2.CompositeWeight]) -> Sequence[tuple[str, float]]:
    return [(weight.metric, weight.weight) for weight in requested]


def _optional(request: experiment_service_pb2.CreateExperimentRequest, field: str) -> int | None:
    return getattr(request, field) if request.HasField(field) else None  # type: ignore[arg-type]
