"""The verdict: what the trials of an experiment say, and how surely. Mirrors `voicearena.experiments.v1.Results`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from services.experiments.verdict.composite import CompositeProfile
from services.experiments.verdict.trials import Model


class Level(IntEnum):
    """How much can be said; a higher level compares greater. The names are those of the wire."""

    inconclusive = 0
    """Not enough evidence. It does not mean that there is no difference."""
    low = 1
    medium = 2
    high = 3


@dataclass(frozen=True)
class ModelRanking:
    """One model's place. Averages are over its prompts, repeats collapsed, and None when it completed none."""

    model: Model
    rank: int
    """From 1. Models that the evidence does not tell apart from their neighbour share one, and the next group's rank
    counts all of them: 1, 1, 3."""
    composite_score: float
    """0 to 1, 1 is best; 0 for a model that completed nothing."""
    trials_completed: int
    trials_failed: int
    reliability: float
    """The share of its trials that completed, 0 to 1; 0 when it has none."""
    avg_duration_seconds: float | None
    avg_ttfb_ms: float | None
    avg_generation_time_ms: float | None
    avg_silence_ratio: float | None
    median_ttfa_ms: float | None
    components: Mapping[str, float]
    """The parts of the composite score, each 0 to 1, in the order of the profile; empty if it completed nothing."""


@dataclass(frozen=True)
class HeadToHead:
    """Two models over the prompts that both completed."""

    model_a: Model
    model_b: Model
    a_wins: int
    b_wins: int
    ties: int
    pairs: int
    """How many prompts both completed."""
    effect: float | None
    """The Hodges-Lehmann estimate of a minus b in the primary metric, None without pairs."""
    effect_low: float | None
    effect_high: float | None
    """The exact 95% interval of the effect, None below 6 pairs."""
    p_value: float | None
    """The exact two-sided sign-flip p-value, None without pairs."""
    p_holm: float | None
    """`p_value` adjusted after Holm for all pairs of models that have a p-value."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of an experiment. Equal trials give an equal verdict, whatever their order."""

    rankings: tuple[ModelRanking, ...]
    """The models, best composite score first; empty when fewer than two models completed a trial."""
    head_to_head: tuple[HeadToHead, ...]
    """All pairs of models, in the order in which the experiment lists them."""
    winner: Model | None
    """The leader, once confidence is at least low."""
    confidence: Level
    """The lower of `gap_level` and `evidence_level`."""
    leader: Model | None
    """The model with the best composite score, None without rankings."""
    gap_level: Level
    evidence_level: Level
    reasons: tuple[str, ...]
    """What held the confidence down, in sentences; empty when it is high."""
    p_winner: float | None
    """The largest p-value of the leader against an opponent with which it has pairs."""
    minimum_detectable_effect: float | None
    """The difference in the primary metric that this design finds with 80% power, None if it can't be said."""
    primary_metric: str
    composite: CompositeProfile
    method_version: str
