"""The axis on which scores are drawn with their intervals, and which differences between models are significant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicearena.experiments.v1.results_pb2 import HeadToHead, ModelRanking

# A difference is significant if its p, adjusted for all pairs, is at most this. The ranks use the same limit.
SIGNIFICANT_P = 0.05
# The axis is longer than what is drawn on it, by this share at each end.
MARGIN = 0.05
MIN_AXIS_WIDTH = 0.02


@dataclass(frozen=True)
class Axis:
    """An axis of scores from `low` to `high`."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Returns where a score lies on the axis: 0 at its left end, 1 at its right end."""
        return (value - self.low) / (self.high - self.low)


def axis_of(values: Iterable[float]) -> Axis:
    """Returns an axis that contains every score and end of an interval, within 0 to 1."""
    known = list(values)
    low, high = min(known), max(known)
    margin = max((high - low) * MARGIN, MIN_AXIS_WIDTH / 2)
    return Axis(max(low - margin, 0.0), min(high + margin, 1.0))


def interval_of(ranking: ModelRanking) -> tuple[float, float, float]:
    """Returns the lower end of the interval, the score and the upper end. All three are the score if there is no
    interval."""
    score = ranking.composite_score
    if not (ranking.HasField("score_low") and ranking.HasField("score_high")):
        return score, score, score
    return min(ranking.score_low, score), score, max(ranking.score_high, score)


def better_model(pair: HeadToHead) -> str | None:
    """Returns the better model of a pair, None if the difference is not significant."""
    if not pair.HasField("favours") or not pair.HasField("p_holm") or pair.p_holm > SIGNIFICANT_P:
        return None
    return pair.favours
