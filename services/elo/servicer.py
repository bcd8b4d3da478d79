"""BattleService: converts requests, calls use cases and converts their results."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from google.api.httpbody_pb2 import HttpBody
from voicearena.elo.v1 import battle_pb2, battle_service_pb2, battle_service_pb2_grpc

from services.elo.battles import convert
from services.elo.battles.reading import ReadBattles
from services.elo.battles.watching import WatchBattle
from services.elo.making import convert as making_convert
from services.elo.making.creating import CreateBattles
from services.elo.visibility import Approval
from services.elo.voting import convert as voting_convert
from services.elo.voting.casting import VoteInBattle
from services.elo.voting.next_battle import NextBattle
from services.elo.voting.voters import ReadVoter, calling_voter
from services.runtime.rpc import Context
from services.shared.listening import clip_responses
from services.shared.listening.clips import Clips


class BattleServicer(battle_service_pb2_grpc.BattleServiceServicer):
    """Implements BattleService. The proto describes the RPCs."""

    def __init__(
        self,
        creating: CreateBattles,
        reading: ReadBattles,
        watching: WatchBattle,
        next_battle: NextBattle,
        clips: Clips,
        voting: VoteInBattle,
        voters: ReadVoter,
        approval: Approval,
        public_url: str,
    ) -> None:
        self._creating = creating
        self._reading = reading
        self._watching = watching
        self._next_battle = next_battle
        self._clips = clips
        self._voting = voting
        self._voters = voters
        self._approval = approval
        self._public_url = public_url

    async def CreateBattle(
        self, request: battle_service_pb2.CreateBattleRequest, context: Context
    ) -> battle_pb2.Battle:
        created = await self._creating.create(making_convert.new_battle(request))
        message = convert.battle(await self._reading.get(created.id))
        message.webhook_secret = await self._creating.secret_to_show(created)
        return message

    async def GetBattle(self, request: battle_service_pb2.GetBattleRequest, context: Context) -> battle_pb2.Battle:
        return convert.battle(await self._reading.get(request.id))

    async def ListBattles(
        self, request: battle_service_pb2.ListBattlesRequest, context: Context
    ) -> battle_service_pb2.ListBattlesResponse:
        views, token = await self._reading.page(convert.filters(request), request.page_size, request.page_token)
        return battle_service_pb2.ListBattlesResponse(battles=map(convert.battle, views), next_page_token=token)

    async def WatchBattle(
        self, request: battle_service_pb2.WatchBattleRequest, context: Context
    ) -> AsyncIterator[battle_service_pb2.WatchBattleResponse]:
        async with aclosing(self._watching.watch(request.id)) as views:
            async for view in views:
                yield convert.watched(view)

    async def NextBattle(
        self, request: battle_service_pb2.NextBattleRequest, context: Context
    ) -> battle_service_pb2.NextBattleResponse:
        given = await self._next_battle.next(request.category, request.language, own_board=request.own_board)
        return voting_convert.given(given, self._public_url)

    async def GetBattleClip(
        self, request: battle_service_pb2.GetBattleClipRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        async with aclosing(clip_responses.stream(self._clips, request.name, context)) as bodies:
            async for body in bodies:
                yield body

    async def VoteInBattle(
        self, request: battle_service_pb2.VoteInBattleRequest, context: Context
    ) -> battle_service_pb2.VoteInBattleResponse:
        # Who calls comes before what they say.
        calling_voter()
        return voting_convert.reveal(
            await self._voting.vote(request.id, voting_convert.answer(request.winner)), self._approval
        )

    async def GetVoter(self, request: battle_service_pb2.GetVoterRequest, context: Context) -> battle_service_pb2.Voter:
        return voting_convert.voter(await self._voters.get())
