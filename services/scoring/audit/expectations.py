"""What each change of a clip should do to each metric, in one table.

Limits are in the unit of the metric, and hold for the mean over the clips. They were set from measurements on two
voices of espeak-ng; DECISIONS.md has the reasons. espeak-ng never speaks a text twice in the same way, so a limit
leaves room between audits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any

from services.scoring.audit.perturbations import ORIGINAL


class Movement(Enum):
    """What should happen to a metric. The values are those in the API."""

    absent = "absent"
    """It has no value."""
    at_most = "at_most"
    """Its value is at most the limit."""
    at_least = "at_least"
    """Its value is at least the limit."""
    rises = "rises"
    """It rises by the limit or more."""
    falls = "falls"
    """It falls by the limit or more."""
    steady = "steady"
    """It moves by the limit or less, up or down."""


@dataclass(frozen=True, slots=True)
class AuditedMetric:
    """A metric that the audit has expectations of."""

    step: str
    name: str
    value: Callable[[Any], float | None]
    """Returns its value in the result of its step."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one change should do to one metric."""

    metric: AuditedMetric
    perturbation: str
    movement: Movement
    limit: float = 0.0
    against: str = ORIGINAL
    """What the change is compared with."""


def _field(step: str, name: str) -> AuditedMetric:
    return AuditedMetric(step, name, lambda result: getattr(result, name))


WORD_ERRORS = AuditedMetric("word_errors", "word_error_rate", lambda result: result.errors.words.error_rate)
HARD_WORDS = _field("word_errors", "hard_word_accuracy")
FAILURES = AuditedMetric("word_errors", "failures", lambda result: float(len(result.failures)))
MEANING = _field("meaning", "sema_score")
BERT_SCORE = _field("bert_score", "f1")
PROSODY = _field("prosody", "prosody_score")
UTMOS = _field("naturalness", "utmos")
DISTILLMOS = _field("naturalness", "distillmos")
OVERALL = _field("quality", "overall_mos")
BACKGROUND = _field("quality", "background_mos")
P808 = _field("quality", "p808_mos")
AUDITED = (
    WORD_ERRORS, HARD_WORDS, FAILURES, MEANING, BERT_SCORE, PROSODY, UTMOS, DISTILLMOS, OVERALL, BACKGROUND, P808,
)  # fmt: skip
"""In the order of reports."""

OF_TRIALS: Mapping[str, tuple[AuditedMetric, ...]] = {
    "word_error_rate": (WORD_ERRORS,),
    "hard_word_accuracy": (HARD_WORDS,),
    "speech_failures": (FAILURES,),
    "prosody_score": (PROSODY,),
    "signal_quality_mos": (OVERALL,),
    # A trial has the score of the model that is installed.
    "naturalness_mos": (UTMOS, DISTILLMOS),
    "semascore": (MEANING,),
}
"""The audited metrics behind the metrics of trials."""

RATES = ("rate_16_khz", "rate_24_khz", "rate_48_khz")
NARROW = "rate_8_khz"
"""Half of the band is gone at this rate, so it may cost more."""
LEVELS = ("level_minus_10_db", "level_minus_20_db")
NO_SPEECH = ("silence", "noise_alone")


def _absent_without_speech(metric: AuditedMetric) -> tuple[Expectation, ...]:
    return tuple(Expectation(metric, one, Movement.absent) for one in NO_SPEECH)


def _steady(metric: AuditedMetric, changes: Mapping[str, float]) -> tuple[Expectation, ...]:
    return tuple(Expectation(metric, change, Movement.steady, limit) for change, limit in changes.items())


def _opinion_of_noise(metric: AuditedMetric, limit: float) -> tuple[Expectation, ...]:
    """Each further step of noise has to cost at least `limit`."""
    levels = (ORIGINAL, "noise_20_db", "noise_10_db", "noise_0_db")
    return tuple(Expectation(metric, noisier, Movement.falls, limit, against) for against, noisier in pairwise(levels))


def _alike(changes: tuple[str, ...], limit: float) -> dict[str, float]:
    return dict.fromkeys(changes, limit)


# fmt: off
EXPECTATIONS: tuple[Expectation, ...] = (
    Expectation(WORD_ERRORS, ORIGINAL, Movement.at_most, 0.3),
    *_absent_without_speech(WORD_ERRORS),
    Expectation(WORD_ERRORS, "noise_0_db", Movement.rises, 0.2),
    Expectation(WORD_ERRORS, "swapped_text", Movement.rises, 0.5),
    Expectation(WORD_ERRORS, "end_removed", Movement.rises, 0.15),
    Expectation(WORD_ERRORS, "middle_removed", Movement.rises, 0.15),
    Expectation(WORD_ERRORS, "part_repeated", Movement.rises, 0.15),
    *_steady(WORD_ERRORS, {NARROW: 0.4} | _alike((*RATES, *LEVELS), 0.2)),

    Expectation(HARD_WORDS, ORIGINAL, Movement.at_least, 0.6),
    *_absent_without_speech(HARD_WORDS),
    Expectation(HARD_WORDS, "swapped_text", Movement.falls, 0.5),
    Expectation(HARD_WORDS, "middle_removed", Movement.falls, 0.15),
    *_steady(HARD_WORDS, {NARROW: 0.5} | _alike((*RATES, *LEVELS), 0.35)),

    Expectation(FAILURES, ORIGINAL, Movement.at_most, 0.3),
    *_absent_without_speech(FAILURES),
    Expectation(FAILURES, "end_removed", Movement.rises, 0.5),
    Expectation(FAILURES, "middle_removed", Movement.rises, 0.5),
    Expectation(FAILURES, "part_repeated", Movement.rises, 0.5),
    *_steady(FAILURES, {NARROW: 0.5} | _alike((*RATES, *LEVELS), 0.3)),

    *_absent_without_speech(MEANING),
    Expectation(MEANING, "swapped_text", Movement.falls, 0.2),
    Expectation(MEANING, "end_removed", Movement.falls, 0.05),
    *_steady(MEANING, _alike((*RATES, *LEVELS), 0.1)),

    *_absent_without_speech(BERT_SCORE),
    Expectation(BERT_SCORE, "swapped_text", Movement.falls, 0.1),
    Expectation(BERT_SCORE, "end_removed", Movement.falls, 0.02),
    *_steady(BERT_SCORE, _alike((*RATES, *LEVELS), 0.1)),

    *_absent_without_speech(PROSODY),
    Expectation(PROSODY, "long_pause", Movement.falls, 0.1),
    *_steady(PROSODY, _alike((NARROW, *RATES, *LEVELS), 0.1)),

    *_absent_without_speech(UTMOS),
    *_opinion_of_noise(UTMOS, 0.1),
    *_steady(UTMOS, _alike((*RATES, *LEVELS), 0.3)),

    *_absent_without_speech(DISTILLMOS),
    *_opinion_of_noise(DISTILLMOS, 0.1),
    *_steady(DISTILLMOS, _alike((*RATES, *LEVELS), 0.15)),

    *_absent_without_speech(OVERALL),
    *_opinion_of_noise(OVERALL, 0.15),
    *_steady(OVERALL, {NARROW: 0.3} | _alike(RATES, 0.2) | _alike(LEVELS, 0.4)),

    *_absent_without_speech(BACKGROUND),
    *_opinion_of_noise(BACKGROUND, 0.15),
    *_steady(BACKGROUND, _alike((NARROW, *LEVELS), 0.6) | _alike(RATES, 0.4)),

    *_absent_without_speech(P808),
    *_opinion_of_noise(P808, 0.15),
    *_steady(P808, {NARROW: 0.7} | _alike((*RATES, *LEVELS), 0.2)),
)
# fmt: on
"""By metric, in the order of AUDITED."""


def steps_for(perturbation: str) -> tuple[str, ...]:
    """Returns the steps that have to run on a change, also those for changes that are compared with it."""
    wanted = {
        expectation.metric.step
        for expectation in EXPECTATIONS
        if perturbation in (expectation.perturbation, expectation.against)
    }
    return tuple(dict.fromkeys(metric.step for metric in AUDITED if metric.step in wanted))


def audited_metrics(name: str, step: str, in_trials: bool) -> tuple[AuditedMetric, ...]:
    """Returns the audited metrics behind a metric of the list of all metrics. Empty if the audit does not cover it."""
    if in_trials and name in OF_TRIALS:
        return OF_TRIALS[name]
    return tuple(one for one in AUDITED if (one.step, one.name) == (step, name))
