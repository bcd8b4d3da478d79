"""Two models, compared prompt by prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.experiments.verdict.composite import mean, prompt_score
from services.experiments.verdict.evidence import hodges_lehmann, hodges_lehmann_interval, holm, sign_flip_p
from services.experiments.verdict.results import HeadToHead
from services.experiments.verdict.trials import Measured, ModelTrials

TIE_MS = 50.0
"""Two models whose latencies for a prompt are this close or closer tie on it."""

EQUAL_SCORES = 1e-9
"""Composites, which run from 0 to 1, closer than this differ by rounding only, and the prompt is a tie."""


@dataclass(frozen=True)
class Pairing:
    """The paired values of models a and b in the primary metric, over the prompts that both completed."""

    a: ModelTrials
    b: ModelTrials
    differences: tuple[float, ...]
    """a minus b, one per prompt in prompt order; exactly 0 where the two are equal."""
    b_mean: float | None
    """The mean of b over the same prompts, None without pairs."""
    p_value: float | None
    """The exact two-sided sign-flip p-value, None without pairs."""

    @property
    def untied(self) -> int:
        """How many prompts tell the two models apart."""
        return sum(difference != 0 for difference in self.differences)

    @property
    def a_is_better(self) -> bool:
        """Whether a is ahead over the prompts that both completed."""
        return bool(self.differences) and mean(self.differences) > EQUAL_SCORES

    @property
    def effect(self) -> float:
        """The Hodges-Lehmann estimate of a minus b; there must be pairs."""
        return hodges_lehmann(self.differences)


def pair(a: ModelTrials, b: ModelTrials, durations: Mapping[int, float]) -> Pairing:
    """Pair two models over the prompts that both completed, by the composite of each prompt."""
    differences: list[float] = []
    b_scores: list[float] = []
    for prompt in shared_prompts(a, b):
        b_score = prompt_score(b.measured[prompt], durations[prompt])
        difference = prompt_score(a.measured[prompt], durations[prompt]) - b_score
        differences.append(0.0 if abs(difference) <= EQUAL_SCORES else difference)
        b_scores.append(b_score)
    return Pairing(
        a=a,
        b=b,
        differences=tuple(differences),
        b_mean=mean(b_scores) if b_scores else None,
        p_value=sign_flip_p(differences) if differences else None,
    )


def shared_prompts(a: ModelTrials, b: ModelTrials) -> list[int]:
    """The prompts that both completed, ascending."""
    return [prompt for prompt in a.measured if prompt in b.measured]


def head_to_head(pairings: Sequence[Pairing]) -> tuple[HeadToHead, ...]:
    """The comparison of each pair, with p-values adjusted for all of them."""
    adjusted = iter(holm([pairing.p_value for pairing in pairings if pairing.p_value is not None]))
    return tuple(_compare(pairing, next(adjusted) if pairing.p_value is not None else None) for pairing in pairings)


def _compare(pairing: Pairing, p_holm: float | None) -> HeadToHead:
    a, b = pairing.a, pairing.b
    outcomes = [_prompt_winner(a.measured[prompt], b.measured[prompt]) for prompt in shared_prompts(a, b)]
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
        p_value=pairing.p_value,
        p_holm=p_holm,
    )


def _prompt_winner(a: Measured, b: Measured) -> str:
    # The allowance is for sums of decimal fractions, 1050.3 - 1000.3 say: a tie is 50 ms, boundary included.
    if abs(a.latency_ms - b.latency_ms) <= TIE_MS + 1e-9:
        return "tie"
    return "a" if a.latency_ms < b.latency_ms else "b"
