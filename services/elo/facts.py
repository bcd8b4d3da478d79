"""Builds the events about battles, and the requests for their renders. One function for each fact."""

from datetime import datetime

from voicearena.elo.v1.battle_pb2 import Battle as BattleMessage
from voicearena.elo.v1.events_pb2 import (
    BattleDecided,
    BattleOpened,
    BattleVoided,
    FactConfirmed,
    RatingsPublished,
    VoteCast,
)

from services.elo.battles.domain import Battle
from services.elo.ratings import Outcome, VoteKind
from services.runtime.clock import timestamp
from services.shared.clips.facts import Requests

REQUESTS = Requests("elo")


def battle_opened(battle: Battle) -> BattleOpened:
    """Returns the fact that people can vote on a battle."""
    return BattleOpened(battle_id=battle.id, scenario_id=battle.scenario_id, developer_id=battle.developer_id)


def vote_cast(battle_id: str, vote_id: str, kind: VoteKind, outcome: Outcome, at: datetime) -> VoteCast:
    """Returns the fact that somebody has voted. `outcome` is in terms of the sides of the battle."""
    return VoteCast(
        vote_id=vote_id,
        battle_id=battle_id,
        source=BattleMessage.VoteSource.Value(kind),
        winner=BattleMessage.Winner.Value(outcome.name.lower()),
        cast_at=timestamp(at),
    )


def battle_decided(battle: Battle) -> BattleDecided:
    """Returns the fact that a battle has a result. Raises ValueError if it has none."""
    if battle.winner is None or battle.vote_source is None:
        raise ValueError(f"battle {battle.id} is not decided")
    return BattleDecided(
        battle_id=battle.id,
        developer_id=battle.developer_id,
        scenario_id=battle.scenario_id,
        model_a_id=battle.model_a_id,
        model_b_id=battle.model_b_id,
        winner=BattleMessage.Winner.Value(battle.winner),
        vote_source=BattleMessage.VoteSource.Value(battle.vote_source),
        elo_delta=battle.elo_delta or 0.0,
        webhook_url=battle.webhook_url,
    )


def battle_voided(battle: Battle) -> BattleVoided:
    """Returns the fact that a battle has ended without a result."""
    return BattleVoided(
        battle_id=battle.id,
        developer_id=battle.developer_id,
        scenario_id=battle.scenario_id,
        reason=battle.void_reason,
        webhook_url=battle.webhook_url,
    )


def ratings_published(at: datetime, boards: int, votes: int) -> RatingsPublished:
    """Returns the fact that boards were computed."""
    return RatingsPublished(computed_at=timestamp(at), boards=boards, votes=votes)


def fact_confirmed(event_id: str) -> FactConfirmed:
    """Returns the confirmation for another service that its fact was processed."""
    return FactConfirmed(event_id=event_id)
