"""Counts of votes: per model and board, per scenario, and per battle.

All of them count votes that count. Those of models have votes of people and of the metrics in rated battles, and are
counted when a vote is cast (`live_ratings`). Those of scenarios and battles have votes of people only.
"""

import dataclasses
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
)
_READ = Statement(sa.select(*BATTLE_COLUMNS).where(_B.id == sa.bindparam("of_battle", type_=sa.Text)))
# The scenario comes last, because many battles share it.
_SETTLE = Statement(
    sa.text(
        "WITH settled AS (UPDATE battles SET elo_delta = :elo_delta, status = :status, winner = :winner,"
        " vote_source = :vote_source, decided_at = :decided_at, closes_at = :closes_at,"
        " votes_a = votes_a + :more_votes_a, votes_b = votes_b + :more_votes_b,"
        " votes_tie = votes_tie + :more_votes_tie, votes_both_bad = votes_both_bad + :more_votes_both_bad"
        " WHERE id = :id"
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
    await _COUNT_IN_BATTLE.execute(connection, of_battle=battle.id, **_more(outcome, by))
    if battle.rated:
        for (_, seq), name in zip(battle.models, OF_SIDES[outcome], strict=True):
            of_model = sa.update(LIVE_RATINGS).where(_R.owner == battle.owner, _R.model_seq == seq)
            await connection.execute(of_model.values({_R[name]: _R[name] + by}))
    more = {_S.votes: _S.votes + by, **({_S.ties: _S.ties + by} if outcome is Outcome.TIE else {})}
    await connection.execute(sa.update(SCENARIOS).where(_S.id == battle.scenario_id).values(more))


def _more(outcome: Outcome | None, by: int) -> dict[str, int]:
    return {f"more_{name}": by if each is outcome else 0 for each, name in _OF_BATTLE.items()}


async def with_vote(connection: AsyncConnection, battle_id: str, outcome: Outcome, by: int) -> Battle:
    """Returns a battle with `by` more votes for an outcome, which `settle` is to store.

    The caller must have locked the battle.
    """
    battle = battle_from((await _READ.execute(connection, of_battle=battle_id)).one())
    name = _OF_BATTLE[outcome]
    return dataclasses.replace(battle, **{name: getattr(battle, name) + by})


async def settle(connection: AsyncConnection, battle: Battle, *, vote: Outcome | None = None, decides: bool) -> None:
    """Stores the state and the Elo change of a battle, and tells its watchers.

    Adds a vote of a person that counts to the votes of the battle. Adds it, and the battle if it is decided now, to the
    counts of the scenario too, if it is no control battle.
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
        **_more(vote, 1),
        votes=int(counted and vote is not None),
        ties=int(counted and vote is Outcome.TIE),
        battles=int(counted and decides),
        channel=BATTLES_CHANGED,
    )
