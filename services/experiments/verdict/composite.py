"""The composite score: one number from 0 to 1, 1 is best, for a model and, by the same formula, for one of its prompts.

It is the weighted sum of the parts that a profile names (`profiles`), each a metric scaled to 0 to 1 as the table of
metrics says: 1 - ttfb_ms / 2000, say, and not below 0. A model's score puts the means over its prompts into the scales;
the composite of one prompt puts that prompt's own values into the same scales. Where nothing is clamped and nothing is
missing, the mean of a model's prompt composites is therefore its score.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from services.experiments.verdict.profiles import PARTS, CompositeProfile
from services.experiments.verdict.trials import Measured, ModelTrials


@dataclass(frozen=True)
class CompositeScore:
    """A composite score and its parts."""

    profile: CompositeProfile
    components: Mapping[str, float]
    """The parts, each 0 to 1, in the order of the profile's weights."""

    @property
    def score(self) -> float:
        """The weighted sum of the parts, 0 to 1."""
        return math.fsum(weight * self.components[metric] for metric, weight in self.profile.weights.items())


def measurements_for(profile: CompositeProfile) -> frozenset[str]:
    """The measurements without which a trial has no composite."""
    return frozenset(PARTS[metric].name for metric in profile.weights)


def median_durations(trials: Sequence[ModelTrials]) -> dict[int, float]:
    """The median length in seconds of what the models made of each prompt, by prompt index."""
    by_prompt: dict[int, list[float]] = {}
    for of_model in trials:
        for prompt, measured in of_model.measured.items():
            by_prompt.setdefault(prompt, []).append(measured["duration_seconds"])
    return {prompt: median(durations) for prompt, durations in by_prompt.items()}


def model_score(
    profile: CompositeProfile, measured: Mapping[int, Measured], durations: Mapping[int, float]
) -> CompositeScore:
    """A model's score from all of its prompts, of which there is at least one."""
    return CompositeScore(
        profile,
        {
            metric: PARTS[metric].worth(
                mean(_value(metric, value, durations[prompt]) for prompt, value in measured.items())
            )
            for metric in profile.weights
        },
    )


def prompt_score(profile: CompositeProfile, measured: Measured, median_duration: float) -> float:
    """The composite of a single prompt, 0 to 1."""
    return CompositeScore(
        profile,
        {metric: PARTS[metric].worth(_value(metric, measured, median_duration)) for metric in profile.weights},
    ).score


def mean(values: Iterable[float]) -> float:
    """The mean, rounded once, so that it does not depend on the order of the values."""
    listed = list(values)
    return math.fsum(listed) / len(listed)


def _value(metric: str, measured: Measured, median_duration: float) -> float:
    value = measured[PARTS[metric].name]
    return _duration_accuracy(value, median_duration) if metric == "duration_accuracy" else value


def _duration_accuracy(seconds: float, median_seconds: float) -> float:
    """1 - |d - m| / m, where d is the length of the audio and m the median length that the models which completed the
    prompt gave it: one that speaks much shorter than the others has left something out, one that speaks much longer has
    added something."""
    return 1 - min(abs(seconds - median_seconds) / median_seconds, 1)
