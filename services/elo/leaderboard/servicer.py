"""LeaderboardService: converts requests, calls use cases and converts their results."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from google.api.httpbody_pb2 import HttpBody
from voicearena.elo.v1 import leaderboard_pb2, leaderboard_service_pb2, leaderboard_service_pb2_grpc

from services.elo.domain import INSTALLATION
from services.elo.leaderboard import convert
from services.elo.leaderboard.boards import Boards, Sort
from services.elo.leaderboard.card import board_card
from services.elo.leaderboard.export_signing import ALGORITHM
from services.elo.leaderboard.exporting import Exporting
from services.elo.leaderboard.history import History
from services.runtime.clock import now, timestamp
from services.runtime.file_responses import file_pieces
from services.runtime.rpc import Context
from services.shared.cards.painter import Painter
from services.shared.cards.responses import respond

EXPORT_TYPE = "application/x-ndjson"
WatchResponse = leaderboard_service_pb2.WatchLeaderboardResponse


class LeaderboardServicer(leaderboard_service_pb2_grpc.LeaderboardServiceServicer):
    """Implements LeaderboardService. The proto describes the RPCs."""

    def __init__(self, boards: Boards, history: History, exporting: Exporting, painter: Painter) -> None:
        self._boards = boards
        self._history = history
        self._exporting = exporting
        self._painter = painter

    async def GetLeaderboard(
        self, request: leaderboard_service_pb2.GetLeaderboardRequest, context: Context
    ) -> leaderboard_pb2.Leaderboard:
        return await self._boards.leaderboard(convert.board_key(request), convert.sort_order(request.sort))

    async def WatchLeaderboard(
        self, request: leaderboard_service_pb2.WatchLeaderboardRequest, context: Context
    ) -> AsyncIterator[WatchResponse]:
        async with aclosing(self._boards.watch(convert.board_key(request))) as messages:
            async for message in messages:
                yield WatchResponse(leaderboard=message, sent_at=timestamp(now()))

    async def ListSnapshots(
        self, request: leaderboard_service_pb2.ListSnapshotsRequest, context: Context
    ) -> leaderboard_service_pb2.ListSnapshotsResponse:
        found, token = await self._history.page(convert.history_filter(request), request.page_size, request.page_token)
        return leaderboard_service_pb2.ListSnapshotsResponse(snapshots=found, next_page_token=token)

    async def GetHeadToHead(
        self, request: leaderboard_service_pb2.GetHeadToHeadRequest, context: Context
    ) -> leaderboard_service_pb2.GetHeadToHeadResponse:
        return await self._boards.head_to_head(convert.board_key(request))

    async def ExportVotes(
        self, request: leaderboard_service_pb2.ExportVotesRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        key = convert.board_key(request)
        export, name = self._exporting.export(key), f"votes-{key.board}.jsonl"
        async with aclosing(file_pieces(context, name, EXPORT_TYPE, export)) as pieces:
            async for piece in pieces:
                yield piece

    async def GetLeaderboardCard(
        self, request: leaderboard_service_pb2.GetLeaderboardCardRequest, context: Context
    ) -> HttpBody:
        key = convert.board_key(request)
        private = key.owner != INSTALLATION
        board = await self._boards.leaderboard(key, Sort.RANK)
        picture = await self._painter.png(board_card(board, private=private))
        return await respond(context, picture, f"leaderboard-{key.board}", private=private)

    async def GetExportKey(
        self, request: leaderboard_service_pb2.GetExportKeyRequest, context: Context
    ) -> leaderboard_service_pb2.ExportKey:
        return leaderboard_service_pb2.ExportKey(algorithm=ALGORITHM, public_key=self._exporting.public_key)
