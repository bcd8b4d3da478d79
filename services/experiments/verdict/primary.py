"""The primary metric: the one value per model and prompt that the evidence is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.experiments.verdict.composite import measurements_for, prompt_score
from services.experiments.verdict.profiles import CompositeProfile
from services.experiments.verdict.trials import ModelTrials

PRIMARY_METRIC = "composite_per_prompt"
"""The default: the composite score of each single prompt, see `composite`."""


@dataclass(frozen=True)
class PrimaryMetric:
    """What is compared prompt by prompt, and which way is better."""

    name: str
    measurement: str | None
    """The field of `Measured` that it is, None for the composite."""
    lower_is_better: bool

    @property
    def direction(self) -> int:
        """What to multiply a difference with so that positive means better."""
        return -1 if self.lower_is_better else 1

    @property
    def better(self) -> str:
        """The comparative of the one who is ahead."""
        return "faster" if self.lower_is_better else "better"

    def shown(self, value: float) -> str:
        """A value as reasons show it."""
        return f"{value:.0f} ms" if self.lower_is_better else f"{value:.3f}"

    def needs(self, profile: CompositeProfile) -> frozenset[str]:
        """The measurements without which a trial can't be judged: the profile's and its own."""
        own = frozenset({self.measurement}) if self.measurement else frozenset[str]()
        return measurements_for(profile) | own

    def values(self, of: ModelTrials, profile: CompositeProfile, durations: Mapping[int, float]) -> dict[int, float]:
        """A model's values by prompt index."""
        if self.measurement is None:
            return {
                prompt: prompt_score(profile, measured, durations[prompt]) for prompt, measured in of.measured.items()
            }
        return {prompt: float(getattr(measured, self.measurement)) for prompt, measured in of.measured.items()}


PRIMARY_METRICS: Mapping[str, PrimaryMetric] = {
    metric.name: metric
    for metric in (
        PrimaryMetric(PRIMARY_METRIC, None, lower_is_better=False),
        PrimaryMetric("ttfb_ms", "ttfb_ms", lower_is_better=True),
        PrimaryMetric("ttfa_ms", "ttfa_ms", lower_is_better=True),
        PrimaryMetric("generation_time_ms", "generation_time_ms", lower_is_better=True),
    )
}
"""Every primary metric, by the name under which an experiment has it."""
