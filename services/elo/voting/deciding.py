"""Decides battles: the winner is what most people said, else what the metrics said."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo import facts
from services.elo.battles.domain import Battle, BattleStatus, Control, VoteSource
from services.elo.voting import tallies
from services.elo.voting.live_ratings import LiveRatings
from services.runtime import outbox
from services.runtime.clock import now

TIE = "tie"


def result_of(battle: Battle) -> tuple[str, VoteSource]:
    """Returns the winner of a battle and who decided.

    It is the most frequent answer of the counted votes of people, and a tie if two answers are equally frequent.
    Without any, it is the vote of the metrics, and a tie if they did not vote.
    """
    votes = {"a": battle.votes_a, "b": battle.votes_b, TIE: battle.votes_tie, "both_bad": battle.votes_both_bad}
    most = max(votes.values())
    if most == 0:
        return (battle.metric_vote or {}).get("answer", TIE), VoteSource.METRICS
    first = [answer for answer, count in votes.items() if count == most]
    source = VoteSource.HUMAN if battle.metric_vote is None else VoteSource.HYBRID
    return (first[0] if len(first) == 1 else TIE), source


class Deciding:
    """Decides battles in the transaction of the caller, who must have locked the battle."""

    def __init__(self, ratings: LiveRatings, clock: Callable[[], datetime] = now) -> None:
        self._ratings = ratings
        self._clock = clock

    def decided(self, battle: Battle) -> Battle:
        """Returns a battle as it is decided with the votes that it has."""
        winner, source = result_of(battle)
        return dataclasses.replace(
            battle,
            status=BattleStatus.DECIDED,
            winner=winner,
            vote_source=source,
            decided_at=self._clock(),
            closes_at=None,
        )

    async def decide(self, connection: AsyncConnection, battle: Battle) -> Battle:
        """Decides an open battle with the votes that it has, and returns it."""
        decided = self.decided(battle)
        if battle.control is Control.NONE:
            await self._ratings.add(connection, battle, battles=1)
            await outbox.add(connection, facts.battle_decided(decided))
        await tallies.settle(connection, decided, decides=True)
        return decided
