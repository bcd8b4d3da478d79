"""The composite score: one number from 0 to 1, 1 is best, for a model and, by the same formula, for one of its prompts.

It is the weighted sum of the metrics that a profile names (`profiles`), each scaled as METRICS says. A model's score
puts the means over its prompts into the scales; the composite of one prompt puts that prompt's own values into the same
scales. Where nothing is clamped and nothing is missing, the mean of a model's prompt composites is therefore its score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from services.experiments.verdict.profiles import CompositeProfile
from services.experiments.verdict.trials import Measured, ModelTrials

FIRST_SOUND_CEILING_MS = 2000.0
"""Whoever takes this long to the first byte or the first sound is worth nothing in `ttfb` and `ttfa`."""
GENERATION_TIME_CEILING_MS = 5000.0
"""Whoever takes this long to the last byte is worth nothing in `generation_time`."""
WORST_MOS, BEST_MOS = 1.0, 5.0
"""The ends of the mean opinion score's scale."""


@dataclass(frozen=True)
class Scale:
    """How a measurement becomes a part of the score."""

    measurement: str
    """The field of `Measured` that it is made of."""
    scaled: Callable[[float], float]
    """Takes the measurement, or a mean of it, to 0 to 1, 1 is best."""


def _below(ceiling: float) -> Callable[[float], float]:
    return lambda value: 1 - min(value / ceiling, 1)


def _clamped(value: float) -> float:
    return min(max(value, 0.0), 1.0)


METRICS: Mapping[str, Scale] = {
    # 1 - ttfb_ms / 2000
    "ttfb": Scale("ttfb_ms", _below(FIRST_SOUND_CEILING_MS)),
    # 1 - generation_time_ms / 5000
    "generation_time": Scale("generation_time_ms", _below(GENERATION_TIME_CEILING_MS)),
    # 1 - ttfa_ms / 2000
    "ttfa": Scale("ttfa_ms", _below(FIRST_SOUND_CEILING_MS)),
    # 1 - silence_ratio
    "silence": Scale("silence_ratio", lambda ratio: 1 - ratio),
    # 1 - |d - m| / m, where d is the length of the audio and m the median length that the models which completed the
    # prompt gave it: who speaks much shorter than the others has left something out, who speaks much longer has added
    # something. It is made prompt by prompt (`_duration_accuracy`), and its mean is taken as it is.
    "duration_accuracy": Scale("duration_seconds", lambda accuracy: accuracy),
    # (MOS - 1) / 4
    "naturalness": Scale("naturalness_mos", lambda mos: _clamped((mos - WORST_MOS) / (BEST_MOS - WORST_MOS))),
    # 1 - WER; as many wrong words as there are words, or more, are worth nothing
    "intelligibility": Scale("word_error_rate", _below(1.0)),
    # the prosody score as it is
    "prosody": Scale("prosody_score", _clamped),
}
"""What a profile may give weight to, in the order in which parts are reported; each is clamped to 0 to 1."""


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
    return frozenset(METRICS[metric].measurement for metric in profile.weights)


def median_durations(trials: Sequence[ModelTrials]) -> dict[int, float]:
    """The median length in seconds of what the models made of each prompt, by prompt index."""
    by_prompt: dict[int, list[float]] = {}
    for of_model in trials:
        for prompt, measured in of_model.measured.items():
            by_prompt.setdefault(prompt, []).append(measured.duration_seconds)
    return {prompt: median(durations) for prompt, durations in by_prompt.items()}


def model_score(
    profile: CompositeProfile, measured: Mapping[int, Measured], durations: Mapping[int, float]
) -> CompositeScore:
    """A model's score from all of its prompts, of which there is at least one."""
    return CompositeScore(
        profile,
        {
            metric: METRICS[metric].scaled(
                mean(_value(metric, value, durations[prompt]) for prompt, value in measured.items())
            )
            for metric in profile.weights
        },
    )


def prompt_score(profile: CompositeProfile, measured: Measured, median_duration: float) -> float:
    """The composite of a single prompt, 0 to 1."""
    return CompositeScore(
        profile,
        {metric: METRICS[metric].scaled(_value(metric, measured, median_duration)) for metric in profile.weights},
    ).score


def mean(values: Iterable[float]) -> float:
    """The mean, rounded once, so that it does not depend on the order of the values."""
    listed = list(values)
    return math.fsum(listed) / len(listed)


def _value(metric: str, measured: Measured, median_duration: float) -> float:
    if metric == "duration_accuracy":
        return _duration_accuracy(measured.duration_seconds, median_duration)
    return float(getattr(measured, METRICS[metric].measurement))


def _duration_accuracy(seconds: float, median_seconds: float) -> float:
    return 1 - min(abs(seconds - median_seconds) / median_seconds, 1)
