"""The catalogue of voice models, as this service asks for it."""

from collections.abc import Sequence
from typing import Protocol

from voicearena.elo.v1 import elo_pb2, elo_service_pb2, elo_service_pb2_grpc

from services.experiments.domain import ModelSpec


class Catalogue(Protocol):
    """Where model specs become voice models."""

    async def resolve(self, specs: Sequence[ModelSpec]) -> Sequence[ModelSpec]:
        """Returns the specs with voice, model and parameters filled in; InvalidInput names those that are unknown."""


class EloCatalogue:
    """The catalogue that the elo service keeps."""

    def __init__(self, stub: "elo_service_pb2_grpc.EloServiceAsyncStub") -> None:
        self._stub = stub

    async def resolve(self, specs: Sequence[ModelSpec]) -> Sequence[ModelSpec]:
        request = elo_service_pb2.ResolveVoiceModelsRequest(
            queries=[
                elo_service_pb2.ResolveVoiceModelsRequest.Query(provider=spec.provider, voice_id=spec.voice_id)
                for spec in specs
            ]
        )
        answer = await self._stub.ResolveVoiceModels(request)
        return [_spec(model) for model in answer.models]


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
