"""EloService: converts requests, calls use cases and converts their results."""

from google.api.httpbody_pb2 import HttpBody
from voicearena.elo.v1 import elo_pb2, elo_service_pb2, elo_service_pb2_grpc

from services.elo.catalogue import convert
from services.elo.catalogue.card import model_card
from services.elo.catalogue.domain import Query, VoiceModel
from services.elo.catalogue.standings import Standings
from services.elo.catalogue.usecases import Catalogue
from services.elo.domain import Visibility
from services.elo.visibility import Approval
from services.runtime.identity import current_identity, current_reader
from services.runtime.rpc import Context
from services.shared.cards.painter import Painter
from services.shared.cards.responses import respond


class EloServicer(elo_service_pb2_grpc.EloServiceServicer):
    """Implements EloService. The proto describes the RPCs."""

    def __init__(self, catalogue: Catalogue, standings: Standings, approval: Approval, painter: Painter) -> None:
        self._catalogue = catalogue
        self._standings = standings
        self._approval = approval
        self._painter = painter

    async def CreateVoiceModel(
        self, request: elo_service_pb2.CreateVoiceModelRequest, context: Context
    ) -> elo_pb2.VoiceModel:
        return await self._message(await self._catalogue.create(convert.from_create(request), request.request_id))

    async def ListVoiceModels(
        self, request: elo_service_pb2.ListVoiceModelsRequest, context: Context
    ) -> elo_service_pb2.ListVoiceModelsResponse:
        filters = convert.from_list(request, _reader(known=request.registered_by_me))
        models, token = await self._catalogue.page(filters, request.page_size, request.page_token)
        standings = await self._standings.of(models)
        return elo_service_pb2.ListVoiceModelsResponse(
            models=[
                convert.voice_model(m, awaits_approval=self._approval.awaited_by(m), standing=standings[m.id])
                for m in models
            ],
            next_page_token=token,
        )

    async def GetVoiceModel(
        self, request: elo_service_pb2.GetVoiceModelRequest, context: Context
    ) -> elo_pb2.VoiceModel:
        return await self._with_stats(await self._catalogue.get(request.id))

    async def GetVoiceModelCard(self, request: elo_service_pb2.GetVoiceModelCardRequest, context: Context) -> HttpBody:
        model = await self._catalogue.get(request.id)
        picture = await self._painter.png(model_card(await self._with_stats(model)))
        return await respond(context, picture, model.id, private=model.visibility is Visibility.PRIVATE)

    async def UpdateVoiceModel(
        self, request: elo_service_pb2.UpdateVoiceModelRequest, context: Context
    ) -> elo_pb2.VoiceModel:
        return await self._message(await self._catalogue.update(*convert.from_update(request)))

    async def ApproveVoiceModel(
        self, request: elo_service_pb2.ApproveVoiceModelRequest, context: Context
    ) -> elo_pb2.VoiceModel:
        return await self._message(await self._catalogue.approve(request.id))

    async def ResolveVoiceModels(
        self, request: elo_service_pb2.ResolveVoiceModelsRequest, context: Context
    ) -> elo_service_pb2.ResolveVoiceModelsResponse:
        found = await self._catalogue.resolve([Query(q.provider, q.voice_id) for q in request.queries])
        return elo_service_pb2.ResolveVoiceModelsResponse(
            models=[convert.voice_model(m, awaits_approval=self._approval.awaited_by(m)) for m, _ in found],
            max_text_characters=[longest for _, longest in found],
            languages=[model.spoken_language for model, _ in found],
        )

    async def _with_stats(self, model: VoiceModel) -> elo_pb2.VoiceModel:
        return convert.voice_model(
            model,
            awaits_approval=self._approval.awaited_by(model),
            standing=(await self._standings.of([model]))[model.id],
            stats=await self._standings.stats(model),
        )

    async def _message(self, model: VoiceModel) -> elo_pb2.VoiceModel:
        standing = (await self._standings.of([model]))[model.id]
        return convert.voice_model(model, awaits_approval=self._approval.awaited_by(model), standing=standing)


def _reader(*, known: bool) -> str:
    """Returns the id of the developer who reads, empty if nobody is known. Raises Unauthenticated then if `known`."""
    return current_identity().developer_id if known else current_reader()
