"""Decides battles: the winner is what most people said, else what the metrics said."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo import facts
from services.elo.battles.domain import Battle, BattleStatus, Control, VoteSource
from services.elo.domain import FIRST_RATING
from services.elo.tables import BATTLES, BATTLES_CHANGED, LIVE_RATINGS, SCENARIOS
from services.runtime import outbox
from services.runtime.clock import now
from services.runtime.db import notify

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

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock

    async def decide(self, connection: AsyncConnection, battle: Battle) -> Battle:
        """Decides an open battle with the votes that it has, and returns it."""
        winner, source = result_of(battle)
        decided = dataclasses.replace(
            battle,
            status=BattleStatus.DECIDED,
            winner=winner,
            vote_source=source,
            decided_at=self._clock(),
            closes_at=None,
        )
        await connection.execute(
            sa.update(BATTLES)
            .where(BATTLES.c.id == battle.id)
            .values(
                status=decided.status,
                winner=winner,
                vote_source=source,
                decided_at=decided.decided_at,
                closes_at=None,
            )
        )
        if battle.control is Control.NONE:
            await self._count(connection, battle)
            await outbox.add(connection, facts.battle_decided(decided))
        await notify(connection, BATTLES_CHANGED, battle.id)
        return decided

    async def _count(self, connection: AsyncConnection, battle: Battle) -> None:
        """Adds a battle to those of its models and its scenario."""
        # In the order in which votes lock them.
        models = sorted(((battle.model_a_seq, battle.model_a_id), (battle.model_b_seq, battle.model_b_id)))
        rows = [
            {"owner": battle.owner, "model_seq": seq, "model_id": id_, "rating": FIRST_RATING, "battles": 1}
            for seq, id_ in models
        ]
        key = [LIVE_RATINGS.c.owner, LIVE_RATINGS.c.model_seq]
        one_more = {"battles": LIVE_RATINGS.c.battles + 1}
        await connection.execute(
            insert(LIVE_RATINGS).values(rows).on_conflict_do_update(index_elements=key, set_=one_more)
        )
        of_scenario = sa.update(SCENARIOS).where(SCENARIOS.c.id == battle.scenario_id)
        await connection.execute(of_scenario.values({SCENARIOS.c.battles: SCENARIOS.c.battles + 1}))
