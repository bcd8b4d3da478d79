"""ListeningService: converts requests, calls use cases, converts results."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from google.api.httpbody_pb2 import HttpBody
from voicearena.experiments.v1 import (
    experiment_pb2,
    listening_pb2,
    listening_service_pb2,
    listening_service_pb2_grpc,
)

from services.experiments.convert import experiment as experiment_message
from services.experiments.listening import convert
from services.experiments.listening.links import Links
from services.experiments.listening.listeners import Listeners
from services.experiments.listening.subject import CloseListening
from services.runtime.rpc import Context
from services.shared.listening import clip_responses
from services.shared.listening.clips import Clips


class ListeningServicer(listening_service_pb2_grpc.ListeningServiceServicer):
    """Implements ListeningService. The proto describes the RPCs."""

    def __init__(
        self, links: Links, listeners: Listeners, clips: Clips, closing: CloseListening, public_url: str
    ) -> None:
        self._links = links
        self._listeners = listeners
        self._clips = clips
        self._closing = closing
        self._public_url = public_url

    async def CreateListeningLink(
        self, request: listening_service_pb2.CreateListeningLinkRequest, context: Context
    ) -> listening_service_pb2.CreateListeningLinkResponse:
        seconds = request.expires_in_seconds if request.HasField("expires_in_seconds") else None
        per_address = request.max_listeners_per_address if request.HasField("max_listeners_per_address") else None
        made = await self._links.create(request.experiment_id, seconds, request.request_id, per_address)
        return convert.made_link(made, self._public_url)

    async def ListListeningLinks(
        self, request: listening_service_pb2.ListListeningLinksRequest, context: Context
    ) -> listening_service_pb2.ListListeningLinksResponse:
        links, token = await self._links.page(request.experiment_id, request.page_size, request.page_token)
        return listening_service_pb2.ListListeningLinksResponse(links=map(convert.link, links), next_page_token=token)

    async def RevokeListeningLink(
        self, request: listening_service_pb2.RevokeListeningLinkRequest, context: Context
    ) -> listening_pb2.ListeningLink:
        return convert.link(await self._links.revoke(request.experiment_id, request.link_id))

    async def CloseListening(
        self, request: listening_service_pb2.CloseListeningRequest, context: Context
    ) -> experiment_pb2.Experiment:
        return experiment_message(await self._closing.close(request.experiment_id))

    async def JoinListening(
        self, request: listening_service_pb2.JoinListeningRequest, context: Context
    ) -> listening_service_pb2.JoinListeningResponse:
        return convert.joined(await self._listeners.join(request.token))

    async def NextListeningPair(
        self, request: listening_service_pb2.NextListeningPairRequest, context: Context
    ) -> listening_service_pb2.NextListeningPairResponse:
        return convert.next_pair(await self._listeners.next_pair(request.token, request.listener), self._public_url)

    async def GetListeningClip(
        self, request: listening_service_pb2.GetListeningClipRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        async with aclosing(clip_responses.stream(self._clips, request.name, context)) as bodies:
            async for body in bodies:
                yield body

    async def CastListeningVote(
        self, request: listening_service_pb2.CastListeningVoteRequest, context: Context
    ) -> listening_service_pb2.CastListeningVoteResponse:
        answer = convert.answer(request.answer)
        progress = await self._listeners.vote(request.token, request.listener, request.pair_id, answer)
        return listening_service_pb2.CastListeningVoteResponse(progress=convert.progress(progress))
