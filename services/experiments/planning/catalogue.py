"""What a plan needs to know of other services: the catalogue of voice models, and what is measured."""

from collections.abc import Collection, Sequence
from typing import Protocol

from voicearena.elo.v1 import elo_pb2, elo_service_pb2, elo_service_pb2_grpc
from voicearena.scoring.v1 import scoring_service_pb2, scoring_service_pb2_grpc

from services.experiments.domain import ModelSpec
from services.experiments.planning.domain import Resolved


class Catalogue(Protocol):
    """Where model specs become voice models."""

    async def resolve(self, specs: Sequence[ModelSpec]) -> Resolved:
        """Returns the specs with voice, model and parameters filled in; InvalidInput names those that are unknown."""


class EloCatalogue:
    """The catalogue that the elo service keeps."""

    def __init__(self, stub: "elo_service_pb2_grpc.EloServiceAsyncStub") -> None:
        self._stub = stub

    async def resolve(self, specs: Sequence[ModelSpec]) -> Resolved:
        request = elo_service_pb2.ResolveVoiceModelsRequest(
            queries=[
                elo_service_pb2.ResolveVoiceModelsRequest.Query(provider=spec.provider, voice_id=spec.voice_id)
                for spec in specs
            ]
        )
        answer = await self._stub.ResolveVoiceModels(request)
        # An elo of an older version tells no limits.
        limits = list(answer.max_text_characters) or [0] * len(answer.models)
        return Resolved([_spec(model) for model in answer.models], limits)


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


class Metrics(Protocol):
    """Where it is known what is measured of speech."""

    async def measured(self) -> Collection[str]:
        """Returns the names of all that is measured, such as `naturalness_mos`."""


class ScoringMetrics:
    """The metrics that the scoring service lists."""

    def __init__(self, stub: "scoring_service_pb2_grpc.ScoringServiceAsyncStub") -> None:
        self._stub = stub

    async def measured(self) -> Collection[str]:
        answer = await self._stub.ListMetrics(scoring_service_pb2.ListMetricsRequest())
        return frozenset(metric.name for metric in answer.metrics)
