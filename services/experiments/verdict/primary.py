"""The primary metric: the one value per model and prompt that the evidence is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.experiments.verdict.composite import measurements_for, prompt_score
from services.experiments.verdict.profiles import CompositeProfile
from services.experiments.verdict.trials import ModelTrials
from services.shared.metrics import METRICS, Direction, Metric

PRIMARY_METRIC = "composite_per_prompt"
"""The default: the composite score of each single prompt, see `composite`."""


@dataclass(frozen=True)
class PrimaryMetric:
    """What is compared prompt by prompt, and which way is better."""

    name: str
    metric: Metric | None = None
    """What it is, None for the composite."""

    @property
    def direction(self) -> int:
        """What to multiply a difference with so that positive means better."""
        return -1 if self.metric and self.metric.direction is Direction.LOWER else 1

    @property
    def _is_a_time(self) -> bool:
        return self.metric is not None and self.metric.unit == "ms"

    @property
    def better(self) -> str:
        """The comparative of the one who is ahead."""
        return "faster" if self._is_a_time else "better"

    def shown(self, value: float) -> str:
        """A value as reasons show it."""
        return f"{value:.0f} ms" if self._is_a_time else f"{value:.3f}"

    def needs(self, profile: CompositeProfile) -> frozenset[str]:
        """The measurements without which a trial can't be judged: the profile's and its own."""
        return measurements_for(profile) | ({self.metric.name} if self.metric else set())

    def values(self, of: ModelTrials, profile: CompositeProfile, durations: Mapping[int, float]) -> dict[int, float]:
        """A model's values by prompt index."""
        if self.metric is None:
            return {
                prompt: prompt_score(profile, measured, durations[prompt]) for prompt, measured in of.measured.items()
            }
        return {prompt: measured[self.metric.name] for prompt, measured in of.measured.items()}


PRIMARY_METRICS: Mapping[str, PrimaryMetric] = {
    PRIMARY_METRIC: PrimaryMetric(PRIMARY_METRIC),
    **{
        metric.name: PrimaryMetric(metric.name, metric)
        for metric in sorted(METRICS, key=lambda metric: metric.primary)
        if metric.primary
    },
}
"""Every primary metric, by the name under which an experiment has it."""
