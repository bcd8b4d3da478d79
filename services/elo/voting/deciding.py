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
from services.runtime.statements import Statement

TIE = "tie"
_B, _R, _S = BATTLES.c, LIVE_RATINGS.c, SCENARIOS.c
_DECIDE = Statement(
    sa.update(BATTLES)
    .where(_B.id == sa.bindparam("battle", type_=sa.Text))
    .values(
        {
            _B.status: BattleStatus.DECIDED.value,
            _B.winner: sa.bindparam("won", type_=sa.Text),
            _B.vote_source: sa.bindparam("source", type_=sa.Text),
            _B.decided_at: sa.bindparam("at", type_=sa.DateTime(timezone=True)),
            _B.closes_at: sa.null(),
        }
    )
)
_COUNT_FOR_MODEL = Statement(
    insert(LIVE_RATINGS).on_conflict_do_update(
        index_elements=[_R.owner, _R.model_seq], set_={"battles": _R.battles + 1}
    ),
    *("owner", "model_seq", "model_id", "rating", "battles"),
)
_COUNT_FOR_SCENARIO = Statement(
    sa.update(SCENARIOS).where(_S.id == sa.bindparam("scenario", type_=sa.Text)).values({_S.battles: _S.battles + 1})
)


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
        await _DECIDE.execute(connection, battle=battle.id, won=winner, source=source, at=decided.decided_at)
        if battle.control is Control.NONE:
            await self._count(connection, battle)
            await outbox.add(connection, facts.battle_decided(decided))
        await notify(connection, BATTLES_CHANGED, battle.id)
        return decided

    async def _count(self, connection: AsyncConnection, battle: Battle) -> None:
        """Adds a battle to those of its models and its scenario."""
        # In the order in which votes lock them.
        for id_, seq in sorted(battle.models, key=lambda model: model[1]):
            await _COUNT_FOR_MODEL.execute(
                connection, owner=battle.owner, model_seq=seq, model_id=id_, rating=FIRST_RATING, battles=1
            )
        await _COUNT_FOR_SCENARIO.execute(connection, scenario=battle.scenario_id)
