"""What a verdict is computed from: the models that were compared and what each of their trials measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

MAX_PROMPTS = 20
"""The exact interval and the power table are made for up to this many prompts, which is what an experiment may have."""


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
    """One prompt spoken by one model. A completed trial has all measurements but `ttfa_ms`; a failed one has none."""

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
    repeat_index: int = 0
    """Which repetition of the same prompt with the same model this is."""


@dataclass(frozen=True)
class Measured:
    """What one model did with one prompt: the median of each measurement over the completed repeats."""

    duration_seconds: float
    ttfb_ms: float
    generation_time_ms: float
    silence_ratio: float
    ttfa_ms: float | None

    @property
    def latency_ms(self) -> float:
        """Time to first byte plus generation time, by which prompts are won."""
        return self.ttfb_ms + self.generation_time_ms


@dataclass(frozen=True)
class ModelTrials:
    """All of one model's trials, by prompt."""

    model: Model
    prompt_count: int
    measured: dict[int, Measured]
    """By prompt index, in ascending order; a prompt without a completed trial is not in it."""
    trials_completed: int
    trials_failed: int

    @property
    def missing_share(self) -> float:
        """The share of prompts, 0 to 1, for which the model has no completed trial."""
        return 1 - len(self.measured) / self.prompt_count


def collect(models: Sequence[Model], prompt_count: int, trials: Iterable[Trial]) -> list[ModelTrials]:
    """Sort trials by model and prompt and collapse repeats, in the order of `models`.

    Raises ValueError when a trial is outside the experiment, is there twice, or claims to be completed without its
    measurements: such trials were recorded wrongly, and no verdict on them would be true.
    """
    if not 1 <= prompt_count <= MAX_PROMPTS:
        raise ValueError(f"an experiment has 1 to {MAX_PROMPTS} prompts, not {prompt_count}")
    seen: set[tuple[int, int, int]] = set()
    completed: list[dict[int, list[Trial]]] = [{} for _ in models]
    failed = [0] * len(models)
    for trial in trials:
        place = (trial.model_index, trial.prompt_index, trial.repeat_index)
        if not (0 <= trial.model_index < len(models) and 0 <= trial.prompt_index < prompt_count):
            raise ValueError(f"trial {place} is not of this experiment")
        if place in seen:
            raise ValueError(f"trial {place} is there twice")
        seen.add(place)
        if trial.completed:
            _check_measurements(trial, place)
            completed[trial.model_index].setdefault(trial.prompt_index, []).append(trial)
        else:
            failed[trial.model_index] += 1
    return [
        ModelTrials(
            model=model,
            prompt_count=prompt_count,
            measured={prompt: _collapse(by_prompt[prompt]) for prompt in sorted(by_prompt)},
            trials_completed=sum(map(len, by_prompt.values())),
            trials_failed=failures,
        )
        for model, by_prompt, failures in zip(models, completed, failed, strict=True)
    ]


def _check_measurements(trial: Trial, place: tuple[int, int, int]) -> None:
    for field in ("duration_seconds", "ttfb_ms", "generation_time_ms", "silence_ratio"):
        value = getattr(trial, field)
        if value is None or not math.isfinite(value) or value < 0:
            raise ValueError(f"completed trial {place} has {field} = {value}")
    if trial.duration_seconds == 0:
        raise ValueError(f"completed trial {place} has no audio")
    if trial.silence_ratio is not None and trial.silence_ratio > 1:
        raise ValueError(f"completed trial {place} has silence_ratio = {trial.silence_ratio}")


def _collapse(repeats: Sequence[Trial]) -> Measured:
    audible = [repeat.ttfa_ms for repeat in repeats if repeat.ttfa_ms is not None]
    return Measured(
        duration_seconds=_median(repeats, "duration_seconds"),
        ttfb_ms=_median(repeats, "ttfb_ms"),
        generation_time_ms=_median(repeats, "generation_time_ms"),
        silence_ratio=_median(repeats, "silence_ratio"),
        ttfa_ms=median(audible) if audible else None,
    )


def _median(repeats: Sequence[Trial], field: str) -> float:
    return float(median(getattr(repeat, field) for repeat in repeats))
