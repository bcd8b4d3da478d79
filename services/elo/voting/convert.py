"""Converts votes, and battles as their voters get them, to protos."""

from voicearena.elo.v1 import battle_pb2, battle_service_pb2, elo_pb2

from services.elo.battles.convert import battle
from services.elo.catalogue.convert import voice_model
from services.elo.enums import enum_of, required
from services.elo.visibility import Approval
from services.elo.voting.casting import Reveal, RevealedModel
from services.elo.voting.live_ratings import RatingChange
from services.elo.voting.next_battle import GivenBattle
from services.elo.voting.voters import VoterRecord
from services.runtime.clock import timestamp
from services.shared.listening.domain import ListenerAnswer


def answer(value: int) -> ListenerAnswer:
    """Returns the answer for its number in the proto. Raises InvalidInput if there is none."""
    return required(enum_of(ListenerAnswer, battle_pb2.Battle.Winner, value, "winner"), ListenerAnswer, "winner")


def given(value: GivenBattle, public_url: str) -> battle_service_pb2.NextBattleResponse:
    """Returns the proto of a battle as its voter gets it."""
    clips = f"{public_url}/api/v1/battle-clips/"
    return battle_service_pb2.NextBattleResponse(
        battle_id=value.battle.id,
        text=value.battle.text,
        category=value.battle.category,
        scenario_name=value.battle.scenario_name,
        clip_a_url=clips + value.assignment.clip_a,
        clip_b_url=clips + value.assignment.clip_b,
        clip_a_seconds=value.assignment.a_seconds,
        clip_b_seconds=value.assignment.b_seconds,
        rated=value.battle.rated,
        unrated_reason=value.battle.unrated_reason,
        votes_cast=value.votes_cast,
    )


def reveal(value: Reveal, approval: Approval) -> battle_service_pb2.VoteInBattleResponse:
    """Returns the proto of what a vote revealed and changed."""
    return battle_service_pb2.VoteInBattleResponse(
        battle=battle(value.view),
        clip_a_model=_model(value.clip_a, approval),
        clip_b_model=_model(value.clip_b, approval),
        rated=value.view.battle.rated,
        unrated_reason=value.view.battle.unrated_reason,
        clip_a_rating=_change(value.clip_a.rating),
        clip_b_rating=_change(value.clip_b.rating),
        votes_cast=value.votes_cast,
    )


def _model(value: RevealedModel, approval: Approval) -> elo_pb2.VoiceModel:
    awaited = approval.awaited_by(value.model)
    return voice_model(value.model, awaits_approval=awaited, standing=value.standing)


def _change(value: RatingChange) -> battle_service_pb2.RatingChange:
    return battle_service_pb2.RatingChange(before=value.before, after=value.after)


def voter(value: VoterRecord) -> battle_service_pb2.Voter:
    """Returns the proto of a voter."""
    return battle_service_pb2.Voter(
        id=value.id,
        votes_cast=value.votes_cast,
        ranking=[
            battle_service_pb2.OwnRank(model_id=one.model_id, name=one.name, votes=one.votes, won_share=one.won_share)
            for one in value.ranking
        ],
        votes_until_ranking=value.votes_until_ranking,
        first_vote_at=timestamp(value.first_vote_at),
    )
