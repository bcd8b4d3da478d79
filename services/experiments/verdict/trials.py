"""What a verdict is computed from: the models that were compared and what each of their trials measured."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from services.shared.metrics import COMPARED, Measurements, Metric, Source

MAX_PROMPTS = 20
"""The exact interval and the power table are made for up to this many prompts, which is what an experiment may have."""

Measured = Mapping[str, float]
"""What one model did with one prompt: by the metric's name, the median over the repeats that have it."""


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
    """One prompt spoken by one model."""

    model_index: int
    """Position in the experiment's models, from 0."""
    prompt_index: int
    """Position in the experiment's prompts, from 0."""
    completed: bool
    """False when it ended without audio or without measurements."""
    measurements: Measurements = field(default_factory=Measurements)
    """A completed trial has those that are always measured; those of a failed one don't count."""
    repeat_index: int = 0
    """Which repetition of the same prompt with the same model this is."""


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
    lacks = {id(trial): {name for name in needs if getattr(trial.measurements, name) is None} for trial in completed}
    measured = [trial for trial in completed if not lacks[id(trial)]]
    return ModelTrials(
        model=model,
        prompt_count=len(set(same_as)),
        completed=_by_prompt(completed, same_as),
        measured=_by_prompt(measured, same_as),
        trials_completed=len(completed),
        trials_failed=len(trials) - len(completed),
        trials_unmeasured=len(completed) - len(measured),
        lacking=tuple(sorted(set().union(*lacks.values()))),
    )


def _by_prompt(trials: Sequence[Trial], same_as: Sequence[int]) -> dict[int, Measured]:
    by_prompt: dict[int, list[Trial]] = {}
    for trial in trials:
        by_prompt.setdefault(same_as[trial.prompt_index], []).append(trial)
    return {prompt: _collapse(by_prompt[prompt]) for prompt in sorted(by_prompt)}


def _check_measurements(trial: Trial, place: tuple[int, int, int]) -> None:
    for metric in COMPARED:
        value = getattr(trial.measurements, metric.name)
        if not _possible(metric, value):
            raise ValueError(f"completed trial {place} has {metric.name} = {value}")
    if trial.measurements.duration_seconds == 0:
        raise ValueError(f"completed trial {place} has no audio")


def _possible(metric: Metric, value: float | None) -> bool:
    if value is None:
        return not metric.always
    if metric.source is Source.LISTENING:
        # An estimate may lie outside the scale. It is worth no more than the end of the scale.
        return math.isfinite(value) and value >= 0
    return math.isfinite(value) and metric.low <= value <= metric.high


def _collapse(repeats: Sequence[Trial]) -> Measured:
    known = {
        metric.name: [value for repeat in repeats if (value := getattr(repeat.measurements, metric.name)) is not None]
        for metric in COMPARED
    }
    return {name: float(median(values)) for name, values in known.items() if values}
