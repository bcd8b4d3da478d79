"""Compares two models prompt by prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.experiments.verdict.composite import mean
from services.experiments.verdict.evidence import hodges_lehmann, hodges_lehmann_interval, holm, sign_flip_p
from services.experiments.verdict.primary import PrimaryMetric
from services.experiments.verdict.results import HeadToHead, PairVotes
from services.experiments.verdict.trials import Model, ModelTrials, PromptMedians

TIE_MS = 50.0
"""Two models tie on a prompt if their latencies differ by this much or less."""

EQUAL_VALUES = 1e-9
"""Composite scores (0 to 1) and times in ms closer than this differ by rounding only: the prompt is a tie."""


@dataclass(frozen=True)
class ModelValues:
    """A model's trials and their values in the primary metric, by prompt index."""

    trials: ModelTrials
    values: Mapping[int, float]


@dataclass(frozen=True)
class Pairing:
    """The paired values of models a and b in the primary metric, over the prompts that both have."""

    a: ModelTrials
    b: ModelTrials
    metric: PrimaryMetric
    differences: tuple[float, ...]
    """a minus b, one per prompt in prompt order; exactly 0 where the two are equal."""
    b_mean: float | None
    """The mean of b over the same prompts, None without pairs."""
    p_value: float | None
    """The exact two-sided sign-flip p-value, None without pairs."""

    @property
    def untied(self) -> int:
        """The number of prompts on which the two models differ."""
        return sum(difference != 0 for difference in self.differences)

    @property
    def a_is_better(self) -> bool:
        """Whether a is better on average over the prompts that both have."""
        return bool(self.differences) and self.metric.direction * mean(self.differences) > EQUAL_VALUES

    @property
    def effect(self) -> float:
        """The Hodges-Lehmann estimate of a minus b. There must be pairs."""
        return hodges_lehmann(self.differences)

    @property
    def advantage(self) -> float:
        """The effect, positive if it favours a. There must be pairs."""
        return self.metric.direction * self.effect


def pair(a: ModelValues, b: ModelValues, metric: PrimaryMetric) -> Pairing:
    """Pairs the values of two models over the prompts that both have."""
    shared = [prompt for prompt in a.values if prompt in b.values]
    differences = [a.values[prompt] - b.values[prompt] for prompt in shared]
    differences = [0.0 if abs(difference) <= EQUAL_VALUES else difference for difference in differences]
    return Pairing(
        a=a.trials,
        b=b.trials,
        metric=metric,
        differences=tuple(differences),
        b_mean=mean(b.values[prompt] for prompt in shared) if shared else None,
        p_value=sign_flip_p(differences) if shared else None,
    )


def head_to_head(pairings: Sequence[Pairing], votes: Sequence[PairVotes | None]) -> tuple[HeadToHead, ...]:
    """Returns the comparison of each pair of models, with p-values adjusted over all pairs."""
    adjusted = iter(holm([pairing.p_value for pairing in pairings if pairing.p_value is not None]))
    return tuple(
        _compare(pairing, next(adjusted) if pairing.p_value is not None else None, pair_votes)
        for pairing, pair_votes in zip(pairings, votes, strict=True)
    )


def _compare(pairing: Pairing, p_holm: float | None, votes: PairVotes | None) -> HeadToHead:
    a, b = pairing.a, pairing.b
    outcomes = [_prompt_winner(a.measured[prompt], b.measured[prompt]) for prompt in a.measured if prompt in b.measured]
    interval = hodges_lehmann_interval(pairing.differences)
    return HeadToHead(
        model_a=a.model,
        model_b=b.model,
        a_wins=outcomes.count("a"),
        b_wins=outcomes.count("b"),
        ties=outcomes.count("tie"),
        pairs=len(outcomes),
        effect=pairing.effect if pairing.differences else None,
        effect_low=interval[0] if interval else None,
        effect_high=interval[1] if interval else None,
        favours=_favours(pairing),
        p_value=pairing.p_value,
        p_holm=p_holm,
        votes=votes,
    )


def _favours(pairing: Pairing) -> Model | None:
    if not pairing.differences or pairing.effect == 0:
        return None
    return pairing.a.model if pairing.advantage > 0 else pairing.b.model


def _prompt_winner(a: PromptMedians, b: PromptMedians) -> str:
    # A difference of exactly 50 ms is a tie. The allowance is for rounding, as in 1050.3 - 1000.3.
    a_ms, b_ms = _latency_ms(a), _latency_ms(b)
    if abs(a_ms - b_ms) <= TIE_MS + 1e-9:
        return "tie"
    return "a" if a_ms < b_ms else "b"


def _latency_ms(measured: PromptMedians) -> float:
    return measured["ttfb_ms"] + measured["generation_time_ms"]
