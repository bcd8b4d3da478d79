"""The primary metric: one value per model and prompt, from which the evidence is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.experiments.verdict.composite import measurements_for, prompt_score
from services.experiments.verdict.profiles import CompositeProfile
from services.experiments.verdict.trials import ModelTrials
from services.shared.metrics import METRICS, Direction, Metric

PRIMARY_METRIC = "composite_per_prompt"
"""The default: the composite score of each prompt, see `composite`."""


@dataclass(frozen=True)
class PrimaryMetric:
    """The metric that is compared prompt by prompt."""

    name: str
    metric: Metric | None = None
    """The measured metric, None for the composite score."""

    @property
    def direction(self) -> int:
        """1 or -1: multiplied by it, a positive difference means better."""
        return -1 if self.metric and self.metric.direction is Direction.LOWER else 1

    @property
    def _is_a_time(self) -> bool:
        return self.metric is not None and self.metric.unit == "ms"

    @property
    def adjective(self) -> str:
        """The word that reasons use for a good value."""
        return "fast" if self._is_a_time else "good"

    @property
    def comparative(self) -> str:
        """The word that reasons use for a better value."""
        return "faster" if self._is_a_time else "better"

    def shown(self, value: float) -> str:
        """Returns a value as reasons show it."""
        return f"{value:.0f} ms" if self._is_a_time else f"{value:.3f}"

    def needs(self, profile: CompositeProfile) -> frozenset[str]:
        """Returns the names of the measurements that a verdict needs: those of the profile and of this metric."""
        return measurements_for(profile) | ({self.metric.name} if self.metric else set())

    def values(self, model: ModelTrials, profile: CompositeProfile, durations: Mapping[int, float]) -> dict[int, float]:
        """Returns a model's values by prompt index. `durations` are those of `median_durations`."""
        if self.metric is None:
            return {
                prompt: prompt_score(profile, measured, durations[prompt])
                for prompt, measured in model.measured.items()
            }
        return {prompt: measured[self.metric.name] for prompt, measured in model.measured.items()}


PRIMARY_METRICS: Mapping[str, PrimaryMetric] = {
    PRIMARY_METRIC: PrimaryMetric(PRIMARY_METRIC),
    **{
        metric.name: PrimaryMetric(metric.name, metric)
        for metric in sorted(METRICS, key=lambda metric: metric.primary)
        if metric.primary
    },
}
"""Every primary metric, by the name that an experiment uses."""
