"""The part of the stand-in mesh for battles and voters."""

# ruff: noqa: N802 - RPCs are named by the protos.
from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.rpc import code_pb2
from voicearena.auth.v1 import auth_service_pb2
from voicearena.elo.v1 import battle_pb2, battle_service_pb2, battle_service_pb2_grpc, elo_pb2

from tests.unit.cli.refusals import refuse

BATTLE_ID = "bat_" + "0" * 32
CROAK = elo_pb2.VoiceModel(id="mdl_croak", name="espeak:en-us+croak", provider="espeak")
CROAK.config.voice_id = "en-us+croak"
FAST = elo_pb2.VoiceModel(id="mdl_fast", name="Fast", provider="espeak")
FAST.config.voice_id = "en-us+f3"


def decided_battle() -> battle_pb2.Battle:
    """Returns a battle that CROAK on side A has won, with all that is shown of one."""
    battle = battle_pb2.Battle(
        id=BATTLE_ID,
        status=battle_pb2.Battle.decided,
        scenario_id="scn_1",
        category="support",
        language="en",
        model_a_id=CROAK.id,
        model_b_id=FAST.id,
        winner=battle_pb2.Battle.a,
        vote_source=battle_pb2.Battle.hybrid,
        elo_delta=24.0,
        votes_a=1,
        votes_b=0,
        votes_tie=0,
        votes_both_bad=0,
        rated=True,
    )
    battle.metrics_a.word_error_rate, battle.metrics_b.word_error_rate = 0.0, 0.25
    battle.metric_vote.answer, battle.metric_vote.score_a, battle.metric_vote.score_b = battle_pb2.Battle.a, 0.8, 0.6
    battle.created_at.FromJsonString("2026-01-01T12:00:00Z")
    return battle


class BattlesStandIn(battle_service_pb2_grpc.BattleServiceServicer):
    """One open battle in which the voter hears side B as clip A. `requests` and `tokens` are what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Any] = []
        self.tokens: list[str] = []
        """The token of each call of a voter."""
        self.voters_made = 0
        self.revoked_tokens: set[str] = set()
        self.not_ready = 0
        """The number of calls of NextBattle that find no battle."""
        self.early_votes = 0
        self.early_vote = {"status": "not_heard", "wait_seconds": "0.1"}
        """The number of votes that come too early."""
        self.vote_refusal: tuple[str, str] | None = None
        """The status and the sentence with which votes are refused."""
        self.battle = decided_battle()
        self.next = battle_service_pb2.NextBattleResponse(
            battle_id=BATTLE_ID,
            text="Your code is 4815.",
            category="support",
            scenario_name="A code",
            clip_a_url="http://arena.example/api/v1/battle-clips/first",
            clip_b_url="http://arena.example/api/v1/battle-clips/second",
            clip_a_seconds=1.25,
            clip_b_seconds=1.5,
            rated=True,
        )

    async def CreateVoter(self, request: Any, context: Any) -> Any:
        self.voters_made += 1
        self.tokens.append(_token(context))
        made = auth_service_pb2.CreateVoterResponse(id="usr_1", session_token=f"vt_{self.voters_made}")
        made.expires_at.FromJsonString("2999-01-01T00:00:00Z")
        return made

    async def NextBattle(self, request: Any, context: Any) -> Any:
        await self._require_voter(context)
        self.requests.append(request)
        if self.not_ready:
            self.not_ready -= 1
            sentence = "No battle is ready yet. Try again in 1 s."
            wait = {"retry_after_seconds": "0.1"}
            await refuse(context, code_pb2.UNAVAILABLE, "NOT_READY", sentence, metadata=wait)
        return self.next

    async def GetBattleClip(self, request: Any, context: Any) -> AsyncIterator[HttpBody]:
        await self._require_voter(context)
        yield HttpBody(content_type="audio/wav", data=b"RIFF ")
        yield HttpBody(data=request.name.encode())

    async def VoteInBattle(self, request: Any, context: Any) -> Any:
        await self._require_voter(context)
        self.requests.append(request)
        if self.early_votes:
            self.early_votes -= 1
            early = self.early_vote
            await refuse(context, code_pb2.ABORTED, "WRONG_STATE", "Hear both clips first.", metadata=early)
        if self.vote_refusal:
            status, sentence = self.vote_refusal
            await refuse(context, code_pb2.ABORTED, "WRONG_STATE", sentence, metadata={"status": status})
        change = battle_service_pb2.RatingChange
        return battle_service_pb2.VoteInBattleResponse(
            battle=self.battle,
            clip_a_model=FAST,
            clip_b_model=CROAK,
            rated=self.next.rated,
            unrated_reason=self.next.unrated_reason,
            clip_a_rating=change(before=1510, after=1486.4),
            clip_b_rating=change(before=1490, after=1513.6),
            votes_cast=1,
        )

    async def CreateBattle(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return self.battle

    async def GetBattle(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        if request.id != BATTLE_ID:
            await refuse(context, code_pb2.NOT_FOUND, "NOT_FOUND", f"There is no battle {request.id}.")
        return self.battle

    async def ListBattles(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        return battle_service_pb2.ListBattlesResponse(battles=[self.battle])

    async def _require_voter(self, context: Any) -> None:
        token = _token(context)
        self.tokens.append(token)
        if not token.startswith("vt_") or token in self.revoked_tokens:
            await refuse(context, code_pb2.UNAUTHENTICATED, "CREDENTIALS_INVALID", "The session is not valid.")


def _token(context: Any) -> str:
    return str(dict(context.invocation_metadata()).get("authorization", "")).removeprefix("Bearer ")
