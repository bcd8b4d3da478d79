"""The vote of the metrics on a battle: a weighted mean per side, and a tie if both are nearly equal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from services.elo.ratings.votes import Outcome

DEFAULT_METRIC_WEIGHTS: Mapping[str, float] = {
    "semascore": 0.30,
    "word_accuracy": 0.25,
    "prosody": 0.20,
    "quality": 0.15,
    "latency": 0.10,
}
DEFAULT_TIE_MARGIN = 0.02
MAX_TTFA_MS = 2000.0
"""A wait this long, or longer, is worth 0."""
MIN_MOS, MAX_MOS = 1.0, 5.0
ROUNDING = 1e-12
"""Scores closer than this to the margin lie on it, and are no tie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideMetrics:
    """What was measured of one side. None if it was not."""

    semascore: float | None = None
    """How much of the meaning was kept, 0 to 1."""
    word_error_rate: float | None = None
    """At least 0. Above 1 counts as 1."""
    prosody_score: float | None = None
    """0 to 1."""
    mos: float | None = None
    """The estimated mean opinion score, 1 to 5."""
    ttfa_ms: float | None = None
    """Time to first audio. None for recorded models, which have no latency."""

    def worths(self) -> dict[str, float]:
        """Returns what each measured metric is worth, 0 (worst) to 1 (best). Values beyond count as the end."""
        worths = {
            "semascore": self.semascore,
            "word_accuracy": None if self.word_error_rate is None else 1 - self.word_error_rate,
            "prosody": self.prosody_score,
            "quality": None if self.mos is None else (self.mos - MIN_MOS) / (MAX_MOS - MIN_MOS),
            "latency": None if self.ttfa_ms is None else 1 - self.ttfa_ms / MAX_TTFA_MS,
        }
        return {
            name: min(max(worth, 0.0), 1.0)
            for name, worth in worths.items()
            if worth is not None and not math.isnan(worth)
        }


@dataclass(frozen=True, slots=True)
class MetricVote:
    """How the metrics voted, and on what."""

    outcome: Outcome
    score_a: float
    """The weighted mean of side A, 0 to 1."""
    score_b: float
    weights: Mapping[str, float]
    """The weights that were used. They sum to 1."""
    missing: tuple[str, ...]
    """The metrics that a side lacks. Their weight was spread over the others in proportion."""


def metric_vote(
    a: SideMetrics,
    b: SideMetrics,
    weights: Mapping[str, float] = DEFAULT_METRIC_WEIGHTS,
    tie_margin: float = DEFAULT_TIE_MARGIN,
) -> MetricVote | None:
    """Returns the vote of the metrics, or None if no metric with a weight was measured on both sides.

    The score of a side is 0.30 SeMaScore + 0.25 (1 - WER) + 0.20 prosody + 0.15 (MOS - 1)/4 + 0.10 (1 - latency) with
    latency = min(TTFA / 2000 ms, 1), by default. A metric that one side lacks is left out of both, so that both are
    judged by the same metrics. Scores that differ by less than `tie_margin` are a tie.

    Raises ValueError if a weight is negative or belongs to no metric.
    """
    for name, weight in weights.items():
        if name not in DEFAULT_METRIC_WEIGHTS or not weight >= 0:
            allowed = ", ".join(DEFAULT_METRIC_WEIGHTS)
            raise ValueError(f"the weights must be at least 0 and belong to {allowed}; got {name}: {weight}")
    worth_a, worth_b = a.worths(), b.worths()
    weighted = [name for name, weight in weights.items() if weight > 0]
    present = {name: weights[name] for name in weighted if name in worth_a and name in worth_b}
    if not present:
        return None
    total = sum(present.values())
    used = {name: weight / total for name, weight in present.items()}
    score_a = sum(weight * worth_a[name] for name, weight in used.items())
    score_b = sum(weight * worth_b[name] for name, weight in used.items())
    difference = score_a - score_b
    if abs(difference) < tie_margin - ROUNDING or difference == 0:
        outcome = Outcome.TIE
    else:
        outcome = Outcome.A if difference > 0 else Outcome.B
    missing = tuple(name for name in weighted if name not in present)
    return MetricVote(outcome, score_a, score_b, used, missing)
