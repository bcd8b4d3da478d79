"""Counts of votes: per model and board, per scenario, and per battle.

All of them count votes that count. Those of models have votes of people and of the metrics in rated battles. Those of
scenarios and battles have votes of people only.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle
from services.elo.ratings import Outcome
from services.elo.tables import BATTLES, LIVE_RATINGS, SCENARIOS
from services.runtime.statements import Statement

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


def _more(name: str) -> "sa.BindParameter[int]":
    return sa.bindparam(name, type_=sa.Integer)


_OF_SCENARIO = (
    sa.update(SCENARIOS)
    .where(_S.id == sa.bindparam("of_scenario", type_=sa.Text))
    .values({_S.votes: _S.votes + _more("more"), _S.ties: _S.ties + _more("more_ties")})
    .returning(_S.id)
    .cte("of_scenario")
)
_COUNT = Statement(
    sa.update(BATTLES)
    .where(_B.id == sa.bindparam("of_battle", type_=sa.Text))
    .values(
        {
            **{_B[name]: _B[name] + _more(f"more_{name}") for name in _OF_BATTLE.values()},
            _B.elo_delta: sa.func.coalesce(_B.elo_delta, 0) + sa.bindparam("gained", type_=sa.Double),
        }
    )
    .add_cte(_OF_SCENARIO)
)


async def count(connection: AsyncConnection, battle: Battle, outcome: Outcome, by: int) -> None:
    """Adds `by` to every count that a person's vote is in. `outcome` is in terms of the sides of the battle.

    It is 1 when a vote begins to count, and -1 when it is excluded later.
    """
    await count_vote(connection, battle, outcome, by)
    if battle.rated:
        for seq, name in zip((battle.model_a_seq, battle.model_b_seq), _OF_SIDES[outcome], strict=True):
            of_model = sa.update(LIVE_RATINGS).where(_R.owner == battle.owner, _R.model_seq == seq)
            await connection.execute(of_model.values({_R[name]: _R[name] + by}))


async def count_vote(
    connection: AsyncConnection, battle: Battle, outcome: Outcome, by: int, gained: float = 0.0
) -> Battle:
    """Adds `by` to the counts of the battle and of its scenario, and returns the battle as it is then.

    Live ratings count a vote when it is cast. `gained` is what side A has gained by it.
    """
    await _COUNT.execute(
        connection,
        of_battle=battle.id,
        of_scenario=battle.scenario_id,
        more=by,
        more_ties=by if outcome is Outcome.TIE else 0,
        gained=gained,
        **{f"more_{name}": votes for name, votes in ballot(outcome, by).items()},
    )
    name = _OF_BATTLE[outcome]
    counted: dict[str, Any] = {name: getattr(battle, name) + by, "elo_delta": (battle.elo_delta or 0.0) + gained}
    return dataclasses.replace(battle, **counted)


def ballot(outcome: Outcome, by: int = 1) -> Mapping[str, int]:
    """Returns what a vote adds to each count of a battle."""
    return {name: by if outcome is each else 0 for each, name in _OF_BATTLE.items()}
