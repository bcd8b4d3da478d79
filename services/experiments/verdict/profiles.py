"""Profiles of the composite score: the weight of each part. Two are built in; developers can give their own weights.

`latency` uses only what can be measured without listening models. `quality` needs them. In `quality`, intelligibility
counts most: word errors are counted, and opinion scores are only predicted. Naturalness and the quality of the signal
are next. Prosody counts least, because its measure was not validated on listeners. A fifth of the weight is latency as
a listener notices it: mostly the wait for the first sound, then the time to the last byte. An experiment gets the parts
of `quality` that its installation can measure, see `CompositeProfile.with_parts`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
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
WEIGHT_DIGITS = 9
"""Weights that an installation computes have this many digits after the point."""


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

    def with_parts(self, parts: Collection[str]) -> CompositeProfile | None:
        """Returns the profile with only these of its parts. Their weights grow in proportion, so that they sum to 1.

        Returns None if no part remains.
        """
        kept = {part: weight for part, weight in self.weights.items() if part in parts}
        if len(kept) == len(self.weights):
            return self
        total = math.fsum(kept.values())
        shares = {part: round(weight / total, WEIGHT_DIGITS) for part, weight in kept.items()}
        return CompositeProfile(self.name, self.version, shares) if kept else None

    def without_parts(self, parts: Collection[str]) -> CompositeProfile | None:
        """Returns the profile without these parts, None if no part remains."""
        return self.with_parts([part for part in self.weights if part not in parts])


LATENCY = CompositeProfile(
    name="latency",
    version=1,
    weights={"ttfb": 0.30, "generation_time": 0.25, "silence": 0.25, "duration_accuracy": 0.20},
)
QUALITY = CompositeProfile(
    name="quality",
    version=2,
    weights={
        "intelligibility": 0.35,
        "naturalness": 0.20,
        "signal_quality": 0.20,
        "prosody": 0.05,
        "ttfa": 0.12,
        "generation_time": 0.08,
    },
)
PROFILES: Mapping[str, CompositeProfile] = {profile.name: profile for profile in (LATENCY, QUALITY)}
"""The built-in profiles, by name."""

CUSTOM_PROFILE = "custom"
"""The name of a profile with a developer's own weights."""
LISTENING_METRICS = tuple(part for part, metric in PARTS.items() if metric.source is Source.LISTENING)
"""The parts that need a listening model."""
OPINION_PARTS = tuple(part for part, metric in PARTS.items() if metric.unit == "MOS")
"""The parts that are predicted opinion scores."""


def needs_listening(profile: CompositeProfile, primary_metric: str) -> bool:
    """Returns whether a verdict uses metrics of models that listen."""
    of_profile = any(part in LISTENING_METRICS for part in profile.weights)
    return of_profile or any(metric.name == primary_metric and metric.source is Source.LISTENING for metric in METRICS)


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
