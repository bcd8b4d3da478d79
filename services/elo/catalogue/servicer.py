"""EloService: converts requests, calls use cases and converts their results."""

from voicearena.elo.v1 import elo_pb2, elo_service_pb2, elo_service_pb2_grpc

from services.elo.catalogue import convert
from services.elo.catalogue.domain import Query
from services.elo.catalogue.usecases import Catalogue
from services.runtime.rpc import Context


class EloServicer(elo_service_pb2_grpc.EloServiceServicer):
    """Implements EloService. The proto describes the RPCs."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def CreateVoiceModel(
        self, request: elo_service_pb2.CreateVoiceModelRequest, context: Context
    ) -> elo_pb2.VoiceModel:
        return convert.voice_model(await self._catalogue.create(convert.from_create(request), request.request_id))

    async def ListVoiceModels(
        self, request: elo_service_pb2.ListVoiceModelsRequest, context: Context
    ) -> elo_service_pb2.ListVoiceModelsResponse:
        models, token = await self._catalogue.page(
            request.provider, request.active_only, request.registered_by_me, request.page_size, request.page_token
        )
        return elo_service_pb2.ListVoiceModelsResponse(models=map(convert.voice_model, models), next_page_token=token)

    async def GetVoiceModel(
        self, request: elo_service_pb2.GetVoiceModelRequest, context: Context
    ) -> elo_pb2.VoiceModel:
        return convert.voice_model(await self._catalogue.get(request.id))

    async def UpdateVoiceModel(
        self, request: elo_service_pb2.UpdateVoiceModelRequest, context: Context
    ) -> elo_pb2.VoiceModel:
        return convert.voice_model(await self._catalogue.update(*convert.from_update(request)))

    async def ResolveVoiceModels(
        self, request: elo_service_pb2.ResolveVoiceModelsRequest, context: Context
    ) -> elo_service_pb2.ResolveVoiceModelsResponse:
        found = await self._catalogue.resolve([Query(q.provider, q.voice_id) for q in request.queries])
        return elo_service_pb2.ResolveVoiceModelsResponse(
            models=[convert.voice_model(model) for model, _ in found],
            max_text_characters=[longest for _, longest in found],
            languages=[model.spoken_language for model, _ in found],
        )
