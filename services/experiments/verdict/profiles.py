"""How the composite score weighs its parts: two profiles that come with the method, and weights of one's own.

`latency` is for what can be measured without a listening model. `quality` is for installations that have them: how
natural the speech is counts most, being what people choose a voice by; then whether its words can be made out, which is
near 1 for most engines and matters where it is not; prosody least, its measure being the youngest. A fifth goes to
latency, as a listener has it: mostly the wait for the first sound, and then the time to the last byte.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from services.shared.metrics import METRICS, Direction, Metric, Source

PARTS: Mapping[str, Metric] = {
    metric.part: metric
    for metric in sorted(
        (metric for metric in METRICS if metric.part),
        key=lambda metric: (metric.source is Source.LISTENING, metric.direction is Direction.NEUTRAL),
    )
}
"""What may have a weight, with the metric that it is made of, in the order in which parts are reported: what is better
by itself, what is compared between models, what listening models say."""
METRIC_NAMES = tuple(PARTS)

WEIGHTS_TOLERANCE = 1e-6
"""Weights whose sum is this close to 1 sum to 1: thirds can't be written exactly."""


@dataclass(frozen=True)
class CompositeProfile:
    """How the composite score weighs its parts."""

    name: str
    version: int
    weights: Mapping[str, float]
    """The share of each part, by metric. They sum to 1, and stand in the order of METRIC_NAMES however they are given:
    that order is lost where they are stored."""

    def __post_init__(self) -> None:
        ordered = {metric: self.weights[metric] for metric in METRIC_NAMES if metric in self.weights}
        if len(ordered) != len(self.weights):
            unknown = ", ".join(sorted(set(self.weights) - set(ordered)))
            raise ValueError(f"there is no metric {unknown}")
        object.__setattr__(self, "weights", ordered)


LATENCY = CompositeProfile(
    name="latency",
    version=1,
    weights={"ttfb": 0.30, "generation_time": 0.25, "silence": 0.25, "duration_accuracy": 0.20},
)
QUALITY = CompositeProfile(
    name="quality",
    version=1,
    weights={"naturalness": 0.40, "intelligibility": 0.30, "prosody": 0.10, "ttfa": 0.12, "generation_time": 0.08},
)
PROFILES: Mapping[str, CompositeProfile] = {profile.name: profile for profile in (LATENCY, QUALITY)}
"""The profiles that come with the method, by name."""

OWN_WEIGHTS = "custom"
"""The name of a profile with weights of a developer's own."""
LISTENING_METRICS = tuple(part for part, metric in PARTS.items() if metric.source is Source.LISTENING)
"""What takes a listening model to measure."""


def own_weights(weights: Mapping[str, float], name: str = OWN_WEIGHTS) -> CompositeProfile:
    """A profile with weights of a developer's own; what weighs nothing is left out.

    An installation's own weights for a profile that comes with the method keep its name; they are stored with results.
    Raises ValueError unless the metrics are among METRIC_NAMES and the weights from 0 to 1 with the sum 1.
    """
    for metric, weight in weights.items():
        if not 0 <= weight <= 1:
            raise ValueError(f"the weight of {metric} must be 0 to 1, not {weight:g}")
    total = math.fsum(weights.values())
    if abs(total - 1) > WEIGHTS_TOLERANCE:
        raise ValueError(f"weights must sum to 1, not {total:g}")
    return CompositeProfile(name, 1, {metric: weight for metric, weight in weights.items() if weight > 0})
