"""Counts of votes: per model and board, per scenario, and per battle.

All of them count votes that count. Those of models have votes of people and of the metrics in rated battles. Those of
scenarios and battles have votes of people only.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle
from services.elo.ratings import Outcome
from services.elo.tables import BATTLES, LIVE_RATINGS, SCENARIOS

_B, _R, _S = BATTLES.c, LIVE_RATINGS.c, SCENARIOS.c
_OF_BATTLE: Mapping[Outcome, str] = {
    Outcome.A: "votes_a",
    Outcome.B: "votes_b",
    Outcome.TIE: "votes_tie",
    Outcome.BOTH_BAD: "votes_both_bad",
}
_OF_SIDES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.A: ("wins", "losses"),
    Outcome.B: ("losses", "wins"),
    Outcome.TIE: ("ties", "ties"),
    Outcome.BOTH_BAD: ("both_bad", "both_bad"),
}


async def count(connection: AsyncConnection, battle: Battle, outcome: Outcome, by: int) -> None:
    """Adds `by` to every count that a person's vote is in. `outcome` is in terms of the sides of the battle.

    It is 1 when a vote begins to count, and -1 when it is excluded later.
    """
    await count_vote(connection, battle, outcome, by)
    if battle.rated:
        for seq, name in zip((battle.model_a_seq, battle.model_b_seq), _OF_SIDES[outcome], strict=True):
            of_model = sa.update(LIVE_RATINGS).where(_R.owner == battle.owner, _R.model_seq == seq)
            await connection.execute(of_model.values({_R[name]: _R[name] + by}))


async def count_vote(connection: AsyncConnection, battle: Battle, outcome: Outcome, by: int) -> None:
    """Adds `by` to the counts of the battle and of its scenario. Live ratings count a vote when it is cast."""
    name = _OF_BATTLE[outcome]
    await connection.execute(sa.update(BATTLES).where(_B.id == battle.id).values({_B[name]: _B[name] + by}))
    more = {_S.votes: _S.votes + by, **({_S.ties: _S.ties + by} if outcome is Outcome.TIE else {})}
    await connection.execute(sa.update(SCENARIOS).where(_S.id == battle.scenario_id).values(more))


def of_side(outcome: Outcome, *, side_a: bool) -> Mapping[Any, Any]:
    """Returns the changed column of a side's live rating when a vote is counted."""
    column = _R[_OF_SIDES[outcome][0 if side_a else 1]]
    return {column: column + 1}
