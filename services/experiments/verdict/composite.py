"""The composite score of a model, or of one of its prompts: a number from 0 to 1, 1 is best.

It is the weighted sum of the parts that a profile names (`profiles`). Each part is a metric scaled to 0 to 1 by
`Metric.worth`, for example 1 - ttfb_ms / 2000, but not below 0. A model's score scales the means over its prompts; a
prompt's score scales the prompt's own values. Without clamped or missing values, the mean of the prompt scores is
therefore the model's score.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from services.experiments.verdict.profiles import PARTS, CompositeProfile
from services.experiments.verdict.trials import ModelTrials, PromptMedians


@dataclass(frozen=True)
class CompositeScore:
    """A composite score and its parts."""

    profile: CompositeProfile
    components: Mapping[str, float]
    """The parts, each 0 to 1, in the order of the profile's weights."""

    @property
    def score(self) -> float:
        """The weighted sum of the parts, 0 to 1."""
        return math.fsum(weight * self.components[part] for part, weight in self.profile.weights.items())


def measurements_for(profile: CompositeProfile) -> frozenset[str]:
    """Returns the names of the measurements that the profile's score needs."""
    return frozenset(PARTS[part].name for part in profile.weights)


def median_durations(trials: Sequence[ModelTrials]) -> dict[int, float]:
    """Returns the median length in seconds of the models' audio for each prompt, by prompt index."""
    by_prompt: dict[int, list[float]] = {}
    for model_trials in trials:
        for prompt, measured in model_trials.measured.items():
            by_prompt.setdefault(prompt, []).append(measured["duration_seconds"])
    return {prompt: median(durations) for prompt, durations in by_prompt.items()}


def model_score(
    profile: CompositeProfile, measured: Mapping[int, PromptMedians], durations: Mapping[int, float]
) -> CompositeScore:
    """Returns a model's score from all of its prompts. There must be at least one."""
    return CompositeScore(
        profile,
        {
            part: PARTS[part].worth(mean(_value(part, value, durations[prompt]) for prompt, value in measured.items()))
            for part in profile.weights
        },
    )


def prompt_score(profile: CompositeProfile, measured: PromptMedians, median_duration: float) -> float:
    """Returns the composite score of one prompt, 0 to 1."""
    return CompositeScore(
        profile,
        {part: PARTS[part].worth(_value(part, measured, median_duration)) for part in profile.weights},
    ).score


def mean(values: Iterable[float]) -> float:
    """Returns the mean. It is rounded once, so the order of the values does not change it."""
    listed = list(values)
    return math.fsum(listed) / len(listed)


def _value(part: str, measured: PromptMedians, median_duration: float) -> float:
    value = measured[PARTS[part].name]
    return _duration_accuracy(value, median_duration) if part == "duration_accuracy" else value


def _duration_accuracy(seconds: float, median_seconds: float) -> float:
    """Returns 1 - |d - m| / m, not below 0, for audio of d seconds and the models' median m for the prompt.

    A model that speaks much shorter than the others has left something out. A model that speaks much longer has added
    something.
    """
    return 1 - min(abs(seconds - median_seconds) / median_seconds, 1)
