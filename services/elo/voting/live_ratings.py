"""Live Elo in the database: each vote moves two ratings in its own transaction, and a replay gives the same ratings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle
from services.elo.domain import FIRST_RATING
from services.elo.ratings import LiveElo, LiveVote, Outcome, VoteKind
from services.elo.tables import BATTLE_VOTES, LIVE_RATINGS
from services.elo.voting import tallies
from services.runtime.statements import Statement

_R, _V = LIVE_RATINGS.c, BATTLE_VOTES.c
_OWNER, _SIDE_A = sa.bindparam("of_owner", type_=sa.Text), sa.bindparam("side_a", type_=sa.BigInteger)
_MODELS = sa.bindparam("models", type_=sa.ARRAY(sa.BigInteger))
_OF_BATTLE = (_R.owner == _OWNER, _R.model_seq == sa.any_(_MODELS))
_ADD_RATING = Statement(insert(LIVE_RATINGS).on_conflict_do_nothing(), "owner", "model_seq", "model_id", "rating")
# Always in the same order, so that no two votes wait for each other.
_LOCK_RATINGS = Statement(
    sa.select(_R.model_seq, _R.rating).where(*_OF_BATTLE).order_by(_R.model_seq).with_for_update()
)
_SHARE_BOARD = Statement(
    sa.select(sa.func.pg_advisory_xact_lock_shared(sa.func.hashtextextended(sa.bindparam("board", type_=sa.Text), 0)))
)
_ADD_VOTE = Statement(sa.insert(BATTLE_VOTES), *(column.name for column in BATTLE_VOTES.c if column.name != "seq"))


def _by_side(of_a: str, of_b: str, kind: "sa.types.TypeEngine[Any]") -> "sa.Case[Any]":
    """Returns the value of the parameter for side A in its row, and that for side B in the other."""
    values = (sa.bindparam(name, type_=kind) for name in (of_a, of_b))
    return sa.case((_R.model_seq == _SIDE_A, next(values)), else_=next(values))


_MOVE = Statement(
    sa.update(LIVE_RATINGS)
    .where(*_OF_BATTLE)
    .values(
        {
            _R.rating: _by_side("rating_a", "rating_b", sa.Double()),
            _R.wins: _R.wins + _by_side("votes_a", "votes_b", sa.Integer()),
            _R.losses: _R.losses + _by_side("votes_b", "votes_a", sa.Integer()),
            _R.ties: _R.ties + sa.bindparam("votes_tie", type_=sa.Integer),
            _R.both_bad: _R.both_bad + sa.bindparam("votes_both_bad", type_=sa.Integer),
        }
    )
)
# Outcome.A and Outcome.B, as the outcome of the same vote when the sides are exchanged.
_EXCHANGED: Mapping[Outcome, Outcome] = {Outcome.A: Outcome.B, Outcome.B: Outcome.A}


@dataclass(frozen=True, slots=True)
class RatingChange:
    """A live rating before and after a vote."""

    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVote:
    """A vote that has just been cast."""

    id: str
    """The id of the assignment for a person's vote, the id of the battle for that of the metrics."""
    kind: VoteKind
    outcome: Outcome
    """In terms of the clips as they were heard."""
    swapped: bool = False
    """Whether clip A was side B of the battle."""
    voter_seq: int | None = None
    """The number of the voter. None for metrics."""
    counted: bool = True
    at: datetime


class LiveRatings:
    """Records votes and moves live ratings."""

    def __init__(self, rules: LiveElo) -> None:
        self._rules = rules

    async def cast(
        self, connection: AsyncConnection, battle: Battle, vote: NewVote
    ) -> tuple[RatingChange, RatingChange]:
        """Records a vote, and moves the ratings of side A and side B of the battle, in that order, and their counts.

        A vote that does not count, and a vote of a battle without rating, is recorded and moves nothing. The caller
        must have locked the battle. Two votes that share a model get their numbers in the order in which they move it,
        because the ratings are locked first. So a replay in the order of the numbers gives the same ratings.
        """
        ratings = await self._locked(connection, battle)
        before_a, before_b = ratings[battle.model_a_seq], ratings[battle.model_b_seq]
        of_sides = _EXCHANGED.get(vote.outcome, vote.outcome) if vote.swapped else vote.outcome
        moves = battle.rated and vote.counted
        change = self._rules.change(before_a, before_b, of_sides, vote.kind) if moves else 0.0
        slots = (battle.model_b_seq, battle.model_a_seq) if vote.swapped else (battle.model_a_seq, battle.model_b_seq)
        await _ADD_VOTE.execute(
            connection,
            id=vote.id,
            kind=vote.kind,
            battle_id=battle.id,
            owner=battle.owner,
            rated=battle.rated,
            counted=vote.counted,
            voter_seq=vote.voter_seq,
            model_a_seq=slots[0],
            model_b_seq=slots[1],
            swapped=vote.swapped,
            outcome=int(vote.outcome),
            scenario_seq=battle.scenario_seq,
            category=battle.category,
            language=battle.language,
            change_a=-change if vote.swapped else change,
            rating_a=before_b if vote.swapped else before_a,
            rating_b=before_a if vote.swapped else before_b,
            cast_at=vote.at,
        )
        if moves:
            await _MOVE.execute(
                connection,
                of_owner=battle.owner,
                models=list(slots),
                side_a=battle.model_a_seq,
                rating_a=before_a + change,
                rating_b=before_b - change,
                **tallies.ballot(of_sides),
            )
        return RatingChange(before_a, before_a + change), RatingChange(before_b, before_b - change)

    async def _locked(self, connection: AsyncConnection, battle: Battle) -> Mapping[int, float]:
        """Locks the ratings of both models, which are created if necessary, and returns them by number."""
        await _SHARE_BOARD.execute(connection, board=_board(battle.owner))
        models = battle.models
        values = {"of_owner": battle.owner, "models": [seq for _, seq in models]}
        found = await _LOCK_RATINGS.execute(connection, **values)
        if len(found) < len(models):
            # The first vote of a model on this board.
            for id_, seq in sorted(models, key=lambda model: model[1]):
                await _ADD_RATING.execute(
                    connection, owner=battle.owner, model_seq=seq, model_id=id_, rating=FIRST_RATING
                )
            found = await _LOCK_RATINGS.execute(connection, **values)
        return {row.model_seq: row.rating for row in found}

    async def replay(self, connection: AsyncConnection, owner: str) -> Mapping[int, float]:
        """Computes all ratings of a board again from its votes and stores them. Returns them by number of the model."""
        # No vote may be cast meanwhile.
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_lock_of(owner))))
        query = sa.select(_V.model_a_seq, _V.model_b_seq, _V.outcome, _V.kind, _V.swapped)
        votes = await connection.execute(query.where(_V.owner == owner, _V.rated, _V.counted).order_by(_V.seq))
        replayed = self._rules.replay(_live_vote(*row) for row in votes).ratings
        ratings = {int(seq): rating for seq, rating in replayed.items()}
        stored = (await connection.execute(sa.select(_R.model_seq).where(_R.owner == owner))).scalars()
        for seq in stored:
            rating = ratings.setdefault(seq, FIRST_RATING)
            await connection.execute(
                sa.update(LIVE_RATINGS).where(_R.owner == owner, _R.model_seq == seq).values(rating=rating)
            )
        return ratings


def _lock_of(owner: str) -> "sa.Function[int]":
    """Returns the number of the advisory lock of a board's live ratings. Votes share it, a replay has it alone."""
    return sa.func.hashtextextended(_board(owner), 0)


def _board(owner: str) -> str:
    return f"live ratings of {owner}"


def _live_vote(model_a: int, model_b: int, outcome: int, kind: str, swapped: bool) -> LiveVote:
    """Returns a vote in terms of the sides of its battle, as it was counted: another order would round differently."""
    heard = Outcome(outcome)
    if swapped:
        model_a, model_b, heard = model_b, model_a, _EXCHANGED.get(heard, heard)
    return LiveVote(str(model_a), str(model_b), heard, VoteKind(kind))
