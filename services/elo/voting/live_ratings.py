"""Live Elo in the database: each vote moves two ratings in its own transaction, and a replay gives the same ratings."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import Battle
from services.elo.domain import FIRST_RATING
from services.elo.ratings import LiveElo, LiveVote, Outcome, VoteKind
from services.elo.tables import BATTLE_VOTES, BATTLES, LIVE_RATINGS
from services.elo.voting import tallies
from services.runtime.statements import Statement

_LOCK_PREFIX = "live ratings of "
"""Begins the name of the advisory lock of a board's live ratings. Votes share the lock, a replay has it alone."""
_B, _R, _V = BATTLES.c, LIVE_RATINGS.c, BATTLE_VOTES.c
_SHARE_LOCK = Statement(
    sa.text(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended(:prefix || owner, 0)) FROM battles WHERE id = :battle"
    )
)
_LOCK = Statement(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:board, 0))"))
# Always in the same order, so that no two votes wait for each other.
_LOCK_RATINGS = Statement(
    sa.select(_R.model_seq, _R.rating)
    .join(
        BATTLES, sa.and_(_R.owner == _B.owner, sa.or_(_R.model_seq == _B.model_a_seq, _R.model_seq == _B.model_b_seq))
    )
    .where(_B.id == sa.bindparam("of_battle", type_=sa.Text))
    .order_by(_R.model_seq)
    .with_for_update(of=LIVE_RATINGS)
)
_CAST = Statement(
    sa.text(
        "WITH moved AS (UPDATE live_ratings SET"
        " rating = CASE model_seq WHEN :model_a THEN :after_a ELSE :after_b END,"
        " wins = wins + CASE model_seq WHEN :model_a THEN :a_wins ELSE :b_wins END,"
        " losses = losses + CASE model_seq WHEN :model_a THEN :a_losses ELSE :b_losses END,"
        " ties = ties + CASE model_seq WHEN :model_a THEN :a_ties ELSE :b_ties END,"
        " both_bad = both_bad + CASE model_seq WHEN :model_a THEN :a_both_bad ELSE :b_both_bad END,"
        " battles = battles + :battles WHERE owner = :owner AND model_seq IN (:model_a, :model_b))"
        " INSERT INTO battle_votes (id, kind, battle_id, owner, rated, counted, voter_seq, model_a_seq, model_b_seq,"
        " swapped, outcome, scenario_seq, category, language, change_a, rating_a, rating_b, cast_at)"
        " VALUES (:id, :kind, :battle_id, :owner, :rated, :counted, :voter_seq, :slot_a, :slot_b,"
        " :swapped, :outcome, :scenario_seq, :category, :language, :change_a, :rating_a, :rating_b, :cast_at)"
    )
)


@dataclass(frozen=True, slots=True)
class RatingChange:
    """A live rating before and after a vote."""

    before: float
    after: float

    @classmethod
    def none(cls, rating: float) -> Self:
        """Returns the change of a rating that did not move."""
        return cls(rating, rating)


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

    async def lock(self, connection: AsyncConnection, battle_id: str) -> Mapping[int, float]:
        """Locks the ratings of both models of a battle, and returns them by number.

        A model that was never in a battle of its board has none.
        """
        await _SHARE_LOCK.later(connection, prefix=_LOCK_PREFIX, battle=battle_id)
        found = await _LOCK_RATINGS.execute(connection, of_battle=battle_id)
        return {row.model_seq: row.rating for row in found}

    async def cast(
        self,
        connection: AsyncConnection,
        battle: Battle,
        vote: NewVote,
        ratings: Mapping[int, float] | None = None,
        *,
        decides: bool = False,
    ) -> tuple[RatingChange, RatingChange]:
        """Records a vote, and moves the ratings of side A and side B of the battle, in that order, and their counts.

        A vote that does not count, and a vote of a battle without rating, is recorded and moves nothing. The caller
        must have locked the battle. `ratings` is what `lock` has returned, if it was called. Two votes that share a
        model get their numbers in the order in which they move it, because the ratings are locked first. So a replay in
        the order of the numbers gives the same ratings. With `decides`, the battle is counted for both models too.
        """
        if ratings is None:
            ratings = await self.lock(connection, battle.id)
        if len(ratings) < len(battle.models):
            await self.add(connection, battle)
            ratings = await self.lock(connection, battle.id)
        before_a, before_b = ratings[battle.model_a_seq], ratings[battle.model_b_seq]
        of_sides = vote.outcome.exchanged if vote.swapped else vote.outcome
        moves = battle.rated and vote.counted
        change = self._rules.change(before_a, before_b, of_sides, vote.kind) if moves else 0.0
        counted = dict.fromkeys(
            (f"{side}_{name}" for side in "ab" for name in ("wins", "losses", "ties", "both_bad")), 0
        )
        if moves:
            for side, name in zip("ab", tallies.OF_SIDES[of_sides], strict=True):
                counted[f"{side}_{name}"] = 1
        slot_a, slot_b = (1, 0) if vote.swapped else (0, 1)
        await _CAST.later(
            connection,
            model_a=battle.model_a_seq,
            model_b=battle.model_b_seq,
            after_a=before_a + change,
            after_b=before_b - change,
            battles=int(decides),
            **counted,
            id=vote.id,
            kind=vote.kind,
            battle_id=battle.id,
            owner=battle.owner,
            rated=battle.rated,
            counted=vote.counted,
            voter_seq=vote.voter_seq,
            slot_a=battle.models[slot_a][1],
            slot_b=battle.models[slot_b][1],
            swapped=vote.swapped,
            outcome=int(vote.outcome),
            scenario_seq=battle.scenario_seq,
            category=battle.category,
            language=battle.language,
            change_a=-change if vote.swapped else change,
            rating_a=(before_a, before_b)[slot_a],
            rating_b=(before_a, before_b)[slot_b],
            cast_at=vote.at,
        )
        return RatingChange(before_a, before_a + change), RatingChange(before_b, before_b - change)

    async def add(self, connection: AsyncConnection, battle: Battle, *, battles: int = 0) -> None:
        """Adds the ratings of a battle's models to its board, and adds `battles` to those that exist."""
        # Always in the same order, so that no two transactions wait for each other.
        rows = [
            {"owner": battle.owner, "model_seq": seq, "model_id": id_, "rating": FIRST_RATING, "battles": battles}
            for id_, seq in sorted(set(battle.models), key=lambda model: model[1])
        ]
        adding = insert(LIVE_RATINGS).values(rows)
        more = {"battles": _R.battles + battles}
        key = [_R.owner, _R.model_seq]
        await connection.execute(adding.on_conflict_do_update(index_elements=key, set_=more))

    def would_change(self, before_a: float, before_b: float, outcome: Outcome) -> tuple[RatingChange, RatingChange]:
        """Returns how a person's vote that counts changes the ratings of clip A's and clip B's model.

        The answer to a vote that does not count is the same, because its voter is not told.
        """
        change = self._rules.change(before_a, before_b, outcome, VoteKind.HUMAN)
        return RatingChange(before_a, before_a + change), RatingChange(before_b, before_b - change)

    async def lock_board(self, connection: AsyncConnection, owner: str) -> None:
        """Waits until no vote of a board is being cast, and keeps others waiting until the transaction ends."""
        await _LOCK.execute(connection, board=f"{_LOCK_PREFIX}{owner}")
        # A battle that is decided changes its models without that lock, in this order.
        rows = sa.select(_R.model_seq).where(_R.owner == owner).order_by(_R.model_seq)
        await connection.execute(rows.with_for_update())

    async def replay(self, connection: AsyncConnection, owner: str) -> Mapping[int, float]:
        """Computes all ratings of a board again from its votes and stores them. Returns them by number of the model."""
        await self.lock_board(connection, owner)
        query = sa.select(_V.model_a_seq, _V.model_b_seq, _V.outcome, _V.kind, _V.swapped)
        rows = await connection.execute(query.where(_V.owner == owner, _V.rated, _V.counted).order_by(_V.seq))
        votes = (LiveVote.of_slots(a, b, heard, VoteKind(kind), swapped=s) for a, b, heard, kind, s in rows.all())
        # Calls must not wait for it: 100,000 votes take 0.3 s.
        replayed = (await asyncio.to_thread(self._rules.replay, votes)).ratings
        ratings = {int(seq): rating for seq, rating in replayed.items()}
        stored = (await connection.execute(sa.select(_R.model_seq).where(_R.owner == owner))).scalars()
        for seq in stored:
            rating = ratings.setdefault(seq, FIRST_RATING)
            await connection.execute(
                sa.update(LIVE_RATINGS).where(_R.owner == owner, _R.model_seq == seq).values(rating=rating)
            )
        return ratings
