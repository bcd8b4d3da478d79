"""Profiles of the composite score: the weight of each part. Two are built in; developers can give their own weights.

`latency` uses only what can be measured without listening models. `quality` needs them. In `quality`, naturalness
counts most, because people choose a voice by it. Intelligibility is second: it is near 1 for most engines and matters
where it is not. Prosody counts least, because its measure is the newest. A fifth of the weight is latency as a
listener notices it: mostly the wait for the first sound, then the time to the last byte.
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
"""The parts of the composite score that can have a weight, each with the metric it is computed from. They are in the
order of reports: parts that are good or bad by themselves, parts compared between models, parts from listening models.
"""
METRIC_NAMES = tuple(PARTS)
"""The names of the parts. Weights in the API use them as the metric."""

WEIGHTS_TOLERANCE = 1e-6
"""The sum of weights can differ from 1 by this much, because thirds can't be written exactly."""


@dataclass(frozen=True)
class CompositeProfile:
    """The weights of the composite score's parts."""

    name: str
    version: int
    weights: Mapping[str, float]
    """The weight of each part, by name; they sum to 1. They are always in the order of METRIC_NAMES, because storage
    does not keep the order."""

    def __post_init__(self) -> None:
        ordered = {metric: self.weights[metric] for metric in METRIC_NAMES if metric in self.weights}
        if len(ordered) != len(self.weights):
            unknown = ", ".join(sorted(set(self.weights) - set(ordered)))
            raise ValueError(f"unknown metric {unknown}")
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
"""The built-in profiles, by name."""

CUSTOM_PROFILE = "custom"
"""The name of a profile with a developer's own weights."""
LISTENING_METRICS = tuple(part for part, metric in PARTS.items() if metric.source is Source.LISTENING)
"""The parts that need a listening model."""


def custom_profile(weights: Mapping[str, float], name: str = CUSTOM_PROFILE) -> CompositeProfile:
    """Returns a profile with the given weights, without weights of 0.

    An installation that changes the weights of a built-in profile keeps its name; results store the weights.
    Raises ValueError unless every metric is in METRIC_NAMES and the weights are 0 to 1 and sum to 1.
    """
    for metric, weight in weights.items():
        if not 0 <= weight <= 1:
            raise ValueError(f"the weight of {metric} must be 0 to 1, got {weight:g}")
    total = math.fsum(weights.values())
    if abs(total - 1) > WEIGHTS_TOLERANCE:
        raise ValueError(f"weights must sum to 1, got {total:g}")
    return CompositeProfile(name, 1, {metric: weight for metric, weight in weights.items() if weight > 0})
