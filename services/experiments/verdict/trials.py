"""The input of a verdict: the compared models and what each of their trials measured."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from services.shared.metrics import VERDICT_METRICS, Measurements, Metric, Source

MAX_PROMPTS = 20
"""The most prompts that an experiment can have. The exact interval and the power table cover this many."""

PromptMedians = Mapping[str, float]
"""One model's measurements for one prompt: by the metric's name, the median over the repeats that have it."""


@dataclass(frozen=True)
class Model:
    """A compared voice model."""

    provider: str
    voice_id: str
    model_id: str = ""

    @property
    def name(self) -> str:
        """The model's name in results: `provider:voice_id`."""
        return f"{self.provider}:{self.voice_id}"


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended: one prompt spoken by one model, and what was measured."""

    model_index: int
    """The position in the experiment's models, starting at 0."""
    prompt_index: int
    """The position in the experiment's prompts, starting at 0."""
    completed: bool
    """False if the trial ended without audio or without measurements."""
    measurements: Measurements = field(default_factory=Measurements)
    """A completed trial has every measurement that is always made. Those of a failed trial are ignored."""
    repeat_index: int = 0
    """The repeat of the same prompt with the same model, starting at 0."""


@dataclass(frozen=True)
class ModelTrials:
    """One model's trials, by prompt."""

    model: Model
    prompt_count: int
    """The number of different prompts."""
    completed: dict[int, PromptMedians]
    """By prompt index, ascending. A prompt without a completed trial is absent."""
    measured: dict[int, PromptMedians]
    """The same, over completed trials with every needed measurement."""
    trials_completed: int
    trials_failed: int
    trials_unmeasured: int
    """The number of completed trials that lack a needed measurement."""
    lacking: tuple[str, ...]
    """The names of the measurements that these trials lack."""

    @property
    def missing_share(self) -> float:
        """The share of prompts, 0 to 1, without a completed trial that has every needed measurement."""
        return 1 - len(self.measured) / self.prompt_count

    @property
    def failed_share(self) -> float:
        """The share of prompts, 0 to 1, without a completed trial."""
        return 1 - len(self.completed) / self.prompt_count


def collect(
    models: Sequence[Model],
    prompt_count: int,
    trials: Iterable[TrialOutcome],
    needs: Collection[str],
    same_as: Sequence[int] | None = None,
) -> list[ModelTrials]:
    """Groups trials by model and prompt, and reduces repeats to their median. Returns them in the order of `models`.

    `same_as` has, for each prompt, the index of the first prompt with the same text, which may be its own index. Such
    prompts are treated as one prompt, and their trials as its repeats.

    `needs` names the measurements that the verdict needs. A completed trial that lacks one counts for reliability, but
    is not measured: no value is assumed for what is missing.

    Raises ValueError if a trial does not belong to the experiment, occurs twice, or is completed without its
    measurements. Such trials were recorded wrongly, so no verdict over them would be true.
    """
    if not 1 <= prompt_count <= MAX_PROMPTS:
        raise ValueError(f"an experiment must have 1 to {MAX_PROMPTS} prompts, got {prompt_count}")
    seen: set[tuple[int, int, int]] = set()
    by_model: list[list[TrialOutcome]] = [[] for _ in models]
    for trial in trials:
        key = (trial.model_index, trial.prompt_index, trial.repeat_index)
        if not (0 <= trial.model_index < len(models) and 0 <= trial.prompt_index < prompt_count):
            raise ValueError(f"trial {key} does not belong to this experiment")
        if key in seen:
            raise ValueError(f"trial {key} occurs twice")
        seen.add(key)
        if trial.completed:
            _check_measurements(trial, key)
        by_model[trial.model_index].append(trial)
    same_as = range(prompt_count) if same_as is None else same_as
    if len(same_as) != prompt_count:
        raise ValueError(f"same_as has {len(same_as)} entries for {prompt_count} prompts")
    return [_collect(model, same_as, each, needs) for model, each in zip(models, by_model, strict=True)]


def _collect(
    model: Model, same_as: Sequence[int], trials: Sequence[TrialOutcome], needs: Collection[str]
) -> ModelTrials:
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


def _by_prompt(trials: Sequence[TrialOutcome], same_as: Sequence[int]) -> dict[int, PromptMedians]:
    by_prompt: dict[int, list[TrialOutcome]] = {}
    for trial in trials:
        by_prompt.setdefault(same_as[trial.prompt_index], []).append(trial)
    return {prompt: _collapse(by_prompt[prompt]) for prompt in sorted(by_prompt)}


def _check_measurements(trial: TrialOutcome, key: tuple[int, int, int]) -> None:
    for metric in VERDICT_METRICS:
        value = getattr(trial.measurements, metric.name)
        if not _possible(metric, value):
            raise ValueError(f"completed trial {key} has {metric.name} = {value}")
    if trial.measurements.duration_seconds == 0:
        raise ValueError(f"completed trial {key} has no audio")


def _possible(metric: Metric, value: float | None) -> bool:
    if value is None:
        return not metric.always
    if metric.source is Source.LISTENING:
        # An estimate can lie outside the scale. The composite score then uses the end of the scale.
        return math.isfinite(value) and value >= 0
    return math.isfinite(value) and metric.low <= value <= metric.high


def _collapse(repeats: Sequence[TrialOutcome]) -> PromptMedians:
    known = {
        metric.name: [value for repeat in repeats if (value := getattr(repeat.measurements, metric.name)) is not None]
        for metric in VERDICT_METRICS
    }
    return {name: float(median(values)) for name, values in known.items() if values}
