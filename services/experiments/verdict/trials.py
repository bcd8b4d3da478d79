"""What a verdict is computed from: the models that were compared and what each of their trials measured."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

MAX_PROMPTS = 20
"""The exact interval and the power table are made for up to this many prompts, which is what an experiment may have."""

ALWAYS_MEASURED = ("duration_seconds", "ttfb_ms", "generation_time_ms", "silence_ratio")
"""What a completed trial has in any case."""

MAYBE_MEASURED = ("ttfa_ms", "naturalness_mos", "word_error_rate", "prosody_score")
"""What a completed trial may lack."""


@dataclass(frozen=True)
class Model:
    """One of the compared voice models."""

    provider: str
    voice_id: str
    model_id: str = ""

    @property
    def name(self) -> str:
        """The `provider:voice_id` by which results speak of the model."""
        return f"{self.provider}:{self.voice_id}"


@dataclass(frozen=True)
class Trial:
    """One prompt spoken by one model. A completed trial has the first four measurements; a failed one has none."""

    model_index: int
    """Position in the experiment's models, from 0."""
    prompt_index: int
    """Position in the experiment's prompts, from 0."""
    completed: bool
    """False when it ended without audio or without measurements."""
    duration_seconds: float | None = None
    """Length of the audio, above 0."""
    ttfb_ms: float | None = None
    """From the request to the first byte of audio."""
    generation_time_ms: float | None = None
    """From the request to the last byte of audio."""
    silence_ratio: float | None = None
    """Share of silent samples, 0 to 1."""
    ttfa_ms: float | None = None
    """From the request to the first audible frame, where it was measured."""
    naturalness_mos: float | None = None
    """Predicted mean opinion score, 1 to 5, where a listening model is installed."""
    word_error_rate: float | None = None
    """Of a transcript against the prompt, 0 or more, where it was measured."""
    prosody_score: float | None = None
    """How alive intonation and rhythm are, 0 to 1, where it was measured."""
    repeat_index: int = 0
    """Which repetition of the same prompt with the same model this is."""


@dataclass(frozen=True)
class Measured:
    """What one model did with one prompt: the median of each measurement over the repeats that have it."""

    duration_seconds: float
    ttfb_ms: float
    generation_time_ms: float
    silence_ratio: float
    ttfa_ms: float | None
    naturalness_mos: float | None
    word_error_rate: float | None
    prosody_score: float | None

    @property
    def latency_ms(self) -> float:
        """Time to first byte plus generation time, by which prompts are won."""
        return self.ttfb_ms + self.generation_time_ms


@dataclass(frozen=True)
class ModelTrials:
    """All of one model's trials, by prompt."""

    model: Model
    prompt_count: int
    """How many different prompts there are."""
    completed: dict[int, Measured]
    """By prompt index, in ascending order; a prompt without a completed trial is not in it."""
    measured: dict[int, Measured]
    """The same over those completed trials that have all that they are judged by."""
    trials_completed: int
    trials_failed: int
    trials_unmeasured: int
    """How many of the completed trials lack something that they are judged by."""
    lacking: tuple[str, ...]
    """The measurements that these lack, by name."""

    @property
    def missing_share(self) -> float:
        """The share of prompts, 0 to 1, for which the model has no completed trial with all that it is judged by."""
        return 1 - len(self.measured) / self.prompt_count

    @property
    def failed_share(self) -> float:
        """The share of prompts, 0 to 1, for which the model has no completed trial."""
        return 1 - len(self.completed) / self.prompt_count


def collect(
    models: Sequence[Model],
    prompt_count: int,
    trials: Iterable[Trial],
    needs: Collection[str],
    same_as: Sequence[int] | None = None,
) -> list[ModelTrials]:
    """Sort trials by model and prompt and collapse repeats, in the order of `models`.

    `same_as` has for each prompt the index of the first prompt that is equal to it, its own where it is the first.
    Equal prompts are one prompt from here on, and their trials repeats of it.

    `needs` names the measurements that a trial is judged by. A completed trial that lacks one has spoken, so it counts
    for reliability, but it counts as not measured: nothing is assumed in place of what is missing.

    Raises ValueError when a trial is outside the experiment, is there twice, or claims to be completed without its
    measurements: such trials were recorded wrongly, and no verdict on them would be true.
    """
    if not 1 <= prompt_count <= MAX_PROMPTS:
        raise ValueError(f"an experiment has 1 to {MAX_PROMPTS} prompts, not {prompt_count}")
    seen: set[tuple[int, int, int]] = set()
    of_models: list[list[Trial]] = [[] for _ in models]
    for trial in trials:
        place = (trial.model_index, trial.prompt_index, trial.repeat_index)
        if not (0 <= trial.model_index < len(models) and 0 <= trial.prompt_index < prompt_count):
            raise ValueError(f"trial {place} is not of this experiment")
        if place in seen:
            raise ValueError(f"trial {place} is there twice")
        seen.add(place)
        if trial.completed:
            _check_measurements(trial, place)
        of_models[trial.model_index].append(trial)
    same_as = range(prompt_count) if same_as is None else same_as
    if len(same_as) != prompt_count:
        raise ValueError(f"{len(same_as)} prompts are compared with each other, and there are {prompt_count}")
    return [_collect(model, same_as, own, needs) for model, own in zip(models, of_models, strict=True)]


def _collect(model: Model, same_as: Sequence[int], trials: Sequence[Trial], needs: Collection[str]) -> ModelTrials:
    completed = [trial for trial in trials if trial.completed]
    lacking = {name for trial in completed for name in needs if getattr(trial, name) is None}
    measured = [trial for trial in completed if all(getattr(trial, name) is not None for name in needs)]
    return ModelTrials(
        model=model,
        prompt_count=len(set(same_as)),
        completed=_by_prompt(completed, same_as),
        measured=_by_prompt(measured, same_as),
        trials_completed=len(completed),
        trials_failed=len(trials) - len(completed),
        trials_unmeasured=len(completed) - len(measured),
        lacking=tuple(sorted(lacking)),
    )


def _by_prompt(trials: Sequence[Trial], same_as: Sequence[int]) -> dict[int, Measured]:
    by_prompt: dict[int, list[Trial]] = {}
    for trial in trials:
        by_prompt.setdefault(same_as[trial.prompt_index], []).append(trial)
    return {prompt: _collapse(by_prompt[prompt]) for prompt in sorted(by_prompt)}


def _check_measurements(trial: Trial, place: tuple[int, int, int]) -> None:
    for field in (*ALWAYS_MEASURED, *MAYBE_MEASURED):
        value = getattr(trial, field)
        absent = value is None and field in MAYBE_MEASURED
        if not absent and (value is None or not math.isfinite(value) or value < 0):
            raise ValueError(f"completed trial {place} has {field} = {value}")
    if trial.duration_seconds == 0:
        raise ValueError(f"completed trial {place} has no audio")
    if trial.silence_ratio is not None and trial.silence_ratio > 1:
        raise ValueError(f"completed trial {place} has silence_ratio = {trial.silence_ratio}")


def _collapse(repeats: Sequence[Trial]) -> Measured:
    always = {field: float(median(getattr(repeat, field) for repeat in repeats)) for field in ALWAYS_MEASURED}
    maybe = {field: _median_of_known(repeats, field) for field in MAYBE_MEASURED}
    return Measured(**always, **maybe)  # type: ignore[arg-type]


def _median_of_known(repeats: Sequence[Trial], field: str) -> float | None:
    known = [value for repeat in repeats if (value := getattr(repeat, field)) is not None]
    return float(median(known)) if known else None
