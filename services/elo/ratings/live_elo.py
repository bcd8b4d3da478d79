"""Live Elo: what a voter sees move. Each vote changes two ratings, and replaying the votes gives every rating exactly.

Live ratings and published ones (`board`) have the same order but different scales. Live Elo counts a tie as half a win.
Davidson's rating is about the odds of winning when there is a winner, so it spreads more: with 28% ties, live Elo has
0.69 of its spread. Never compare a number of one with a number of the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from services.elo.domain import FIRST_RATING
from services.elo.ratings.votes import Outcome, VoteKind

DEFAULT_K_FACTOR = 32.0
"""The points that a vote of weight 1 moves at most. Between equal models it moves half of them."""
DEFAULT_VOTE_WEIGHTS: Mapping[VoteKind, float] = {VoteKind.HUMAN: 1.5, VoteKind.METRICS: 1.0}
SCALE = 400.0
"""A lead of this many points is odds of 10."""

# What side A scored. "Both bad" is no tie: it says nothing about which model is better, and moves nothing.
SCORES: Mapping[Outcome, float] = {Outcome.A: 1.0, Outcome.TIE: 0.5, Outcome.B: 0.0}


@dataclass(frozen=True, slots=True)
class LiveVote:
    """One counted vote of a battle between two models."""

    model_a: str
    model_b: str
    outcome: Outcome
    kind: VoteKind = VoteKind.HUMAN

    @classmethod
    def of_slots(cls, slot_a: int, slot_b: int, heard: int, kind: VoteKind, *, swapped: bool) -> Self:
        """Returns a stored vote, whose slots are as heard, in terms of the sides of its battle.

        A replay must calculate with the sides, as when the vote was cast: another order would round differently.
        """
        outcome = Outcome(heard)
        if swapped:
            return cls(str(slot_b), str(slot_a), outcome.exchanged, kind)
        return cls(str(slot_a), str(slot_b), outcome, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveElo:
    """The rules of live Elo. The defaults are those of the settings ELO_K_FACTOR and HUMAN_VOTE_WEIGHT."""

    k_factor: float = DEFAULT_K_FACTOR
    vote_weights: Mapping[VoteKind, float] = field(default_factory=lambda: DEFAULT_VOTE_WEIGHTS)

    def change(self, rating_a: float, rating_b: float, outcome: Outcome, kind: VoteKind) -> float:
        """Returns the points that side A gains by a vote. Side B loses the same. 0 for "both bad"."""
        score = SCORES.get(outcome)
        if score is None:
            return 0.0
        return self.k_factor * self.vote_weights[kind] * (score - expected_score(rating_a, rating_b))

    def replay(self, votes: Iterable[LiveVote]) -> Replay:
        """Returns the ratings after votes, in the order in which they were counted.

        Each model begins at 1500 with its first vote. The same votes in the same order give the same ratings to the
        last bit, because every vote is the same calculation as when it was cast.

        Raises ValueError if a model meets itself.
        """
        ratings: dict[str, float] = {}
        changes: list[float] = []
        for vote in votes:
            if vote.model_a == vote.model_b:
                raise ValueError(f"a model can't meet itself: {vote.model_a}")
            rating_a = ratings.setdefault(vote.model_a, FIRST_RATING)
            rating_b = ratings.setdefault(vote.model_b, FIRST_RATING)
            change = self.change(rating_a, rating_b, vote.outcome, vote.kind)
            ratings[vote.model_a] = rating_a + change
            ratings[vote.model_b] = rating_b - change
            changes.append(change)
        return Replay(ratings, changes)


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of replaying votes."""

    ratings: Mapping[str, float]
    """The last rating of each model that had a vote."""
    changes: list[float]
    """What side A gained by each vote, in the order of the votes."""


def expected_score(rating_a: float, rating_b: float) -> float:
    """Returns the score that side A is expected to reach against side B, between 0 and 1 (Elo, 1978)."""
    # Beyond this difference the result is 0 or 1 to the last bit, and the power would overflow.
    difference = min(max((rating_b - rating_a) / SCALE, -300.0), 300.0)
    return float(1 / (1 + 10**difference))
