"""The composite score: one number from 0 to 1, 1 is best, for a model and, by the same formula, for one of its prompts.

Profile `latency`, version 1, has four parts, each clamped to 0 to 1:

- `ttfb`: 1 - ttfb_ms / 2000
- `generation_time`: 1 - generation_time_ms / 5000
- `silence`: 1 - silence_ratio
- `duration_accuracy`: 1 - |d - m| / m, where d is the length of the audio and m the median length that the models
  which completed the prompt gave it: who speaks much shorter than the others has left something out, who speaks much
  longer has added something.

A model's score puts the means over its prompts into the first three parts and takes the mean over its prompts of the
fourth. The composite of one prompt puts that prompt's own values into the same four parts. Where nothing is clamped and
nothing failed, the mean of a model's prompt composites is therefore its score.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from services.experiments.verdict.trials import Measured, ModelTrials

TTFB_CEILING_MS = 2000.0
GENERATION_TIME_CEILING_MS = 5000.0


@dataclass(frozen=True)
class CompositeProfile:
    """How the composite score weighs its parts."""

    name: str
    version: int
    weights: Mapping[str, float]
    """The share of each part; they sum to 1 and stand in the order in which parts are reported."""


LATENCY = CompositeProfile(
    name="latency",
    version=1,
    weights={"ttfb": 0.30, "generation_time": 0.25, "silence": 0.25, "duration_accuracy": 0.20},
)


@dataclass(frozen=True)
class CompositeScore:
    """A composite score and its parts."""

    components: Mapping[str, float]
    """The parts, each 0 to 1, in the order of the profile's weights."""

    @property
    def score(self) -> float:
        """The weighted sum of the parts, 0 to 1."""
        return math.fsum(weight * self.components[part] for part, weight in LATENCY.weights.items())


def median_durations(trials: Sequence[ModelTrials]) -> dict[int, float]:
    """The median length in seconds of what the models made of each prompt, by prompt index."""
    by_prompt: dict[int, list[float]] = {}
    for of_model in trials:
        for prompt, measured in of_model.measured.items():
            by_prompt.setdefault(prompt, []).append(measured.duration_seconds)
    return {prompt: median(durations) for prompt, durations in by_prompt.items()}


def model_score(measured: Mapping[int, Measured], durations: Mapping[int, float]) -> CompositeScore:
    """A model's score from all of its prompts, of which there is at least one."""
    values = measured.values()
    return _composite(
        ttfb_ms=mean(value.ttfb_ms for value in values),
        generation_time_ms=mean(value.generation_time_ms for value in values),
        silence_ratio=mean(value.silence_ratio for value in values),
        duration_accuracy=mean(
            _duration_accuracy(value.duration_seconds, durations[prompt]) for prompt, value in measured.items()
        ),
    )


def prompt_score(measured: Measured, median_duration: float) -> float:
    """The composite of a single prompt, 0 to 1."""
    return _composite(
        ttfb_ms=measured.ttfb_ms,
        generation_time_ms=measured.generation_time_ms,
        silence_ratio=measured.silence_ratio,
        duration_accuracy=_duration_accuracy(measured.duration_seconds, median_duration),
    ).score


def mean(values: Iterable[float]) -> float:
    """The mean, rounded once, so that it does not depend on the order of the values."""
    listed = list(values)
    return math.fsum(listed) / len(listed)


def _composite(
    *, ttfb_ms: float, generation_time_ms: float, silence_ratio: float, duration_accuracy: float
) -> CompositeScore:
    return CompositeScore(
        {
            "ttfb": 1 - min(ttfb_ms / TTFB_CEILING_MS, 1),
            "generation_time": 1 - min(generation_time_ms / GENERATION_TIME_CEILING_MS, 1),
            "silence": 1 - silence_ratio,
            "duration_accuracy": duration_accuracy,
        }
    )


def _duration_accuracy(seconds: float, median_seconds: float) -> float:
    return 1 - min(abs(seconds - median_seconds) / median_seconds, 1)
