"""Draws the pair of models and the scenario of the next battle."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.elo.domain import FIRST_RATING
from services.elo.ratings.votes import Bools, Floats, Ints

WINDOW_POINTS = 200.0
"""Models are near if their ratings differ by at most this plus the half-width of their difference. Without the
half-width, boards with few votes would be biased: a model whose rating is wrong would never meet its equals."""
WINDOW_SHARE = 0.9
"""The probability of drawing among near pairs only. The rest keeps the graph of battles in one piece."""
GAP_SCALE_POINTS = 300.0
"""Near pairs that differ by this much are drawn 1/e as often as equal ones."""
MAX_HALF_WIDTH_POINTS = 600.0
"""Of pairs about which nothing is known. Wider intervals count as this."""

MIN_TYING_VOTES = 20
MAX_TIE_SHARE = 0.6
"""A scenario with more ties, over at least 20 votes, tells models apart badly."""
TYING_WEIGHT = 0.25
"""How often such a scenario is drawn, compared to others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contenders:
    """The models among which a pair is drawn. Ratings and half-widths are of one published board."""

    ratings: Floats
    """(models,) in Elo. NaN for unrated models, which count as having the mean rating."""
    half_widths: Floats
    """(models, models): of the 95% interval of each difference in Elo. NaN or infinite if unknown."""
    languages: Sequence[str]
    """Models meet only others with the same language."""
    voice_classes: Sequence[str]
    """Such as "female". Empty if unknown. Near pairs have the same class or an unknown one, if there are such pairs."""
    prepared: Ints | None = None
    """(models, models), symmetric: battles that are made but not in the half-widths yet. None if there are none."""


@dataclass(frozen=True, slots=True)
class PairDraw:
    """A drawn pair, and how it was drawn. The order of the two says nothing about slots."""

    first: int
    second: int
    gap_points: float
    window_points: float
    """200 plus the half-width of this pair."""
    inside_window: bool
    candidates: int
    """The number of pairs from which it was drawn."""
    probability: float
    """The probability with which this pair was drawn."""


@dataclass(frozen=True, slots=True)
class ScenarioDraw:
    """A drawn scenario by its position, and the probability with which it was drawn."""

    index: int
    probability: float


def draw_pair(contenders: Contenders, rng: random.Random, *, including: int | None = None) -> PairDraw | None:
    """Draws two models, or returns None if no two of them may meet. With `including`, that model is one of them.

    With 90% probability a near pair is drawn, or the nearest one if none is near; otherwise any pair, whatever the
    classes of its voices, so that the graph of battles stays in one piece. Pairs are
    weighted by the half-width of their difference, so that the least certain comparisons come first, and near ones also
    by exp(-gap / 300).

    Raises ValueError if the shapes differ.
    """
    first, second = np.nonzero(np.triu(_may_meet(contenders, including), 1))
    if not len(first):
        return None
    alike = _alike(contenders, first, second)
    # Also replaces NaN.
    half_widths = np.maximum(np.fmin(contenders.half_widths[first, second], MAX_HALF_WIDTH_POINTS), 1.0)
    rated = contenders.ratings[~np.isnan(contenders.ratings)]
    mean = float(rated.mean()) if len(rated) else FIRST_RATING
    ratings = np.where(np.isnan(contenders.ratings), mean, contenders.ratings)
    gaps = np.abs(ratings[first] - ratings[second])
    near = alike & (gaps <= WINDOW_POINTS + half_widths)
    if not near.any():
        near = alike & (gaps == gaps[alike].min())
    weights = half_widths
    if contenders.prepared is not None:
        weights = weights / (1 + contenders.prepared[first, second])
    of_near = _normalized(np.where(near, weights * np.exp(-gaps / GAP_SCALE_POINTS), 0))
    of_any = _normalized(weights)
    only_near = rng.random() < WINDOW_SHARE
    drawn = _draw(of_near if only_near else of_any, rng)
    return PairDraw(
        first=int(first[drawn]),
        second=int(second[drawn]),
        gap_points=float(gaps[drawn]),
        window_points=WINDOW_POINTS + float(half_widths[drawn]),
        inside_window=bool(gaps[drawn] <= WINDOW_POINTS + half_widths[drawn]),
        candidates=int(near.sum()) if only_near else len(first),
        probability=float(WINDOW_SHARE * of_near[drawn] + (1 - WINDOW_SHARE) * of_any[drawn]),
    )


def draw_scenario(votes: Ints, ties: Ints, rng: random.Random) -> ScenarioDraw | None:
    """Draws one of the scenarios of a category, or returns None if there is none.

    `votes` and `ties` have one entry per scenario: how often people voted, and how often for a tie. A scenario with
    more than 60% ties over at least 20 votes is drawn a quarter as often as others.
    """
    if not len(votes):
        return None
    tying = (votes >= MIN_TYING_VOTES) & (ties > MAX_TIE_SHARE * votes)
    shares = _normalized(np.where(tying, TYING_WEIGHT, 1.0))
    drawn = _draw(shares, rng)
    return ScenarioDraw(drawn, float(shares[drawn]))


def _may_meet(contenders: Contenders, including: int | None) -> Bools:
    """Returns which models may meet, (models, models)."""
    models = len(contenders.ratings)
    languages = _numbered(contenders.languages)
    if {models} != {*contenders.half_widths.shape, len(languages), len(contenders.voice_classes)}:
        raise ValueError(
            f"there must be a language, a voice class and a row of half-widths for each of {models} models"
        )
    one_language = np.asarray(languages[:, None] == languages)
    if including is not None:
        others = np.arange(models) != including
        one_language &= ~(others[:, None] & others)
    return one_language


def _alike(contenders: Contenders, first: Ints, second: Ints) -> Bools:
    """Returns which pairs have voices of one class. All of them if there is no such pair.

    Voices of different sexes would be compared instead of models.
    """
    classes = _numbered(contenders.voice_classes)
    of_first, of_second = classes[first], classes[second]
    alike = np.asarray((of_first == of_second) | (of_first == 0) | (of_second == 0))
    return alike if alike.any() else np.ones(len(first), dtype=np.bool_)


def _numbered(names: Sequence[str]) -> Ints:
    """Returns a number for each name, 0 for the empty one. Numbers are compared much faster than texts."""
    numbers = {"": 0}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)


def _normalized(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum())


def _draw(shares: Floats, rng: random.Random) -> int:
    """Returns a position, each with the probability of its share."""
    drawn = int(np.searchsorted(np.cumsum(shares), rng.random(), side="right"))
    # The last share ends at 1 except for rounding. Positions with a share of 0 are never drawn.
    return drawn if drawn < len(shares) else int(np.flatnonzero(shares)[-1])
