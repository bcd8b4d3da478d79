"""Counts of votes: per model and board, per scenario, and per battle.

All of them count votes that count. Those of models have votes of people and of the metrics in rated battles, and are
counted when a vote is cast (`live_ratings`). Those of scenarios and battles have votes of people only.
"""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle, Control
from services.elo.battles.views import BATTLE_COLUMNS, battle_from
from services.elo.ratings import Outcome
from services.elo.tables import BATTLES, BATTLES_CHANGED, LIVE_RATINGS, SCENARIOS
from services.runtime.statements import Statement

_B, _R, _S = BATTLES.c, LIVE_RATINGS.c, SCENARIOS.c
_OF_BATTLE: Mapping[Outcome, str] = {
    Outcome.A: "votes_a",
    Outcome.B: "votes_b",
    Outcome.TIE: "votes_tie",
    Outcome.BOTH_BAD: "votes_both_bad",
}
OF_SIDES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.A: ("wins", "losses"),
    Outcome.B: ("losses", "wins"),
    Outcome.TIE: ("ties", "ties"),
    Outcome.BOTH_BAD: ("both_bad", "both_bad"),
}
"""The columns of live ratings that count an outcome: of side A and of side B."""
_COUNT_IN_BATTLE = Statement(
    sa.update(BATTLES)
    .where(_B.id == sa.bindparam("of_battle", type_=sa.Text))
    .values({_B[name]: _B[name] + sa.bindparam(f"more_{name}", type_=sa.Integer) for name in _OF_BATTLE.values()})
    .returning(*BATTLE_COLUMNS)
)
# The scenario comes last, because many battles share it.
_SETTLE = Statement(
    sa.text(
        "WITH settled AS (UPDATE battles SET elo_delta = :elo_delta, status = :status, winner = :winner,"
        " vote_source = :vote_source, decided_at = :decided_at, closes_at = :closes_at WHERE id = :id"
        " RETURNING scenario_id)"
        " UPDATE scenarios SET votes = votes + :votes, ties = ties + :ties, battles = battles + :battles"
        " FROM settled WHERE scenarios.id = settled.scenario_id RETURNING pg_notify(:channel, :id)"
    )
)


async def count(connection: AsyncConnection, battle: Battle, outcome: Outcome, by: int) -> None:
    """Adds `by` to every count that a person's vote is in. `outcome` is in terms of the sides of the battle.

    It is 1 when a vote begins to count again, and -1 when it is excluded later. The battle must not be a control
    battle.
    """
    await count_in_battle(connection, battle.id, outcome, by)
    if battle.rated:
        for (_, seq), name in zip(battle.models, OF_SIDES[outcome], strict=True):
            of_model = sa.update(LIVE_RATINGS).where(_R.owner == battle.owner, _R.model_seq == seq)
            await connection.execute(of_model.values({_R[name]: _R[name] + by}))
    more = {_S.votes: _S.votes + by, **({_S.ties: _S.ties + by} if outcome is Outcome.TIE else {})}
    await connection.execute(sa.update(SCENARIOS).where(_S.id == battle.scenario_id).values(more))


async def count_in_battle(connection: AsyncConnection, battle_id: str, outcome: Outcome, by: int) -> Battle:
    """Adds `by` to the votes of a battle for an outcome, and returns the battle."""
    more = {f"more_{name}": by if each is outcome else 0 for each, name in _OF_BATTLE.items()}
    return battle_from((await _COUNT_IN_BATTLE.execute(connection, of_battle=battle_id, **more)).one())


async def settle(connection: AsyncConnection, battle: Battle, *, vote: Outcome | None = None, decides: bool) -> None:
    """Stores the state and the Elo change of a battle, and tells its watchers.

    Adds a vote of a person that counts, and the battle if it is decided now, to the counts of its scenario. Control
    battles are in no count.
    """
    counted = battle.control is Control.NONE
    await _SETTLE.later(
        connection,
        id=battle.id,
        elo_delta=battle.elo_delta,
        status=battle.status,
        winner=battle.winner,
        vote_source=battle.vote_source,
        decided_at=battle.decided_at,
        closes_at=battle.closes_at,
        votes=int(counted and vote is not None),
        ties=int(counted and vote is Outcome.TIE),
        battles=int(counted and decides),
        channel=BATTLES_CHANGED,
    )
