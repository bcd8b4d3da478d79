"""The calls of an anonymous voter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli.connection import Connection

if TYPE_CHECKING:
    from voicearena.elo.v1.battle_pb2 import Battle
    from voicearena.elo.v1.battle_service_pb2 import NextBattleRequest, NextBattleResponse, VoteInBattleResponse
    from voicearena.elo.v1.battle_service_pb2_grpc import BattleServiceStub

CLIP_TIMEOUT_SECONDS = 60.0


class VoterClient(Connection):
    """A connection that sends the token of a voter's session in place of an API key."""

    def next_battle(self, request: NextBattleRequest) -> NextBattleResponse:
        """Returns the battle that the voter hears next."""
        return self.call(self._stub.NextBattle, request)

    def clip(self, url: str) -> bytes:
        """Returns a clip of a battle as a WAV file, by its URL."""
        from voicearena.elo.v1.battle_service_pb2 import GetBattleClipRequest

        request = GetBattleClipRequest(name=url.rpartition("/")[2])
        chunks = self.stream(self._stub.GetBattleClip, request, CLIP_TIMEOUT_SECONDS)
        return b"".join(chunk.data for chunk in chunks)

    def vote(self, battle_id: str, winner: Battle.Winner.ValueType) -> VoteInBattleResponse:
        """Votes in a battle and returns who spoke."""
        from voicearena.elo.v1.battle_service_pb2 import VoteInBattleRequest

        return self.call(self._stub.VoteInBattle, VoteInBattleRequest(id=battle_id, winner=winner))

    @property
    def _stub(self) -> BattleServiceStub:
        from voicearena.elo.v1.battle_service_pb2_grpc import BattleServiceStub

        return BattleServiceStub(self.channel())
