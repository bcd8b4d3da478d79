"""Clients of elo (the catalogue of voice models) and scoring (the list of metrics)."""

from collections.abc import Sequence
from typing import Protocol

from voicearena.elo.v1 import elo_pb2, elo_service_pb2, elo_service_pb2_grpc
from voicearena.scoring.v1 import scoring_pb2, scoring_service_pb2, scoring_service_pb2_grpc

from services.experiments.domain import ModelSpec
from services.experiments.planning.domain import ResolvedModels
from services.experiments.planning.profile_choice import Metrics, TrialMetric


class ModelResolver(Protocol):
    """Finds the voice models that model specs mean."""

    async def resolve(self, specs: Sequence[ModelSpec]) -> ResolvedModels:
        """Returns the specs with voice, model and parameters filled in.

        Raises InvalidInput that names each unknown spec.
        """


class EloModelResolver:
    """Asks elo, which keeps the catalogue."""

    def __init__(self, stub: "elo_service_pb2_grpc.EloServiceAsyncStub") -> None:
        self._stub = stub

    async def resolve(self, specs: Sequence[ModelSpec]) -> ResolvedModels:
        request = elo_service_pb2.ResolveVoiceModelsRequest(
            queries=[
                elo_service_pb2.ResolveVoiceModelsRequest.Query(provider=spec.provider, voice_id=spec.voice_id)
                for spec in specs
            ]
        )
        response = await self._stub.ResolveVoiceModels(request)
        # Older versions of elo send no limits and no languages.
        limits = list(response.max_text_characters) or [0] * len(response.models)
        languages = list(response.languages) or [""] * len(response.models)
        return ResolvedModels([_spec(model) for model in response.models], limits, languages)


def _spec(model: elo_pb2.VoiceModel) -> ModelSpec:
    given = {field.name: value for field, value in model.config.parameters.ListFields()}
    return ModelSpec(
        provider=model.provider,
        voice_id=model.config.voice_id,
        model_id=model.config.model_id,
        speed=given.get("speed"),
        language=given.get("language"),
        seed=given.get("seed"),
    )


class MetricLister(Protocol):
    """Lists the metrics of trials."""

    async def trial_metrics(self) -> Metrics:
        """Returns what this installation says about each metric of trials."""


class ScoringMetricLister:
    """Asks scoring, which measures."""

    def __init__(self, stub: "scoring_service_pb2_grpc.ScoringServiceAsyncStub") -> None:
        self._stub = stub

    async def trial_metrics(self) -> Metrics:
        response = await self._stub.ListMetrics(scoring_service_pb2.ListMetricsRequest())
        return {metric.name: _metric(metric) for metric in response.metrics if metric.in_trials}


def _metric(message: scoring_pb2.Metric) -> TrialMetric:
    failed = message.audit == scoring_pb2.Metric.failed
    return TrialMetric(
        message.name,
        message.available,
        message.requirement,
        frozenset(message.languages),
        f"It failed the metric audit: {message.audit_reason}" if failed else "",
    )
