"""The verdict as data: rankings, comparisons and confidence. Mirrors `voicearena.experiments.v1.Results`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from services.experiments.verdict.profiles import CompositeProfile
from services.experiments.verdict.trials import Model


class Level(IntEnum):
    """A confidence level; a higher level compares greater. The names are those of the API."""

    inconclusive = 0
    """There is not enough evidence. The models may still differ."""
    low = 1
    medium = 2
    high = 3


class Judges(StrEnum):
    """Who judges an experiment. The values are those of the API."""

    MEASUREMENTS = "automated"
    LISTENERS = "human"
    BOTH = "hybrid"

    @property
    def asks_listeners(self) -> bool:
        """Whether listeners are asked to vote."""
        return self is not Judges.MEASUREMENTS


@dataclass(frozen=True)
class ModelRanking:
    """One model's place in the ranking."""

    model: Model
    rank: int
    """Starts at 1. Neighbours that the evidence does not separate share a rank, and the next rank counts all of them:
    1, 1, 3."""
    composite_score: float
    """0 to 1, 1 is best; 0 for a model without a trial that has every needed measurement."""
    score_low: float | None
    score_high: float | None
    """The exact 95% interval (Walsh averages) of a prompt's composite score, None below 6 prompts."""
    preference_share: float | None
    """The mean over listeners of the share of their votes that the model won, 0 to 1, None without votes."""
    trials_completed: int
    trials_failed: int
    trials_unmeasured: int
    """The number of completed trials that lack a needed measurement. They are in no score."""
    reliability: float
    """The share of the model's trials that completed, 0 to 1; 0 without trials."""
    summaries: Mapping[str, float]
    """The mean or median of each compared metric, by name, over the prompts that the model completed. Repeats of a
    prompt count as one value. A metric without a value is absent."""
    components: Mapping[str, float]
    """The parts of the composite score, each 0 to 1, in the profile's order; empty without a score."""
    ruled_out: str = ""
    """Why the model can't win, in a sentence. Empty if it can."""


@dataclass(frozen=True)
class PairVotes:
    """The votes on a pair of models, and their sign test clustered by listener."""

    a: int
    b: int
    ties: int
    both_bad: int
    listeners: int
    p_value: float | None
    p_holm: float | None
    """`p_value` with Holm's adjustment over all pairs of models that have votes."""


@dataclass(frozen=True)
class VoteSummary:
    """The votes over all pairs."""

    listeners: int
    votes: int
    both_bad: int
    leader: Model | None
    """The model with the best preference share, None without votes."""
    p_winner: float | None
    """The largest p-value of this leader against an opponent that listeners compared it with."""
    evidence_level: Level
    excluded: Mapping[str, int]
    """The number of votes that were left out as doubtful, by reason. `votes` does not include them."""
    supervised: int
    """The number of votes from links of supervised panels."""
    unknown: int
    """The number of votes cast before the product judged votes."""
    largest_address_share: float | None
    """The largest share of the votes from listeners at one address, 0 to 1; None if no address is known."""


@dataclass(frozen=True)
class HeadToHead:
    """Two models compared over the prompts for which both have every needed measurement."""

    model_a: Model
    model_b: Model
    a_wins: int
    b_wins: int
    ties: int
    pairs: int
    """The number of these prompts."""
    effect: float | None
    """The Hodges-Lehmann estimate of a minus b in the primary metric, None without pairs. A positive composite score
    favours a; a negative time in ms favours a."""
    effect_low: float | None
    effect_high: float | None
    """The exact 95% interval of the effect, None below 6 pairs."""
    favours: Model | None
    """The model that the effect favours, None without pairs and for an effect of 0."""
    p_value: float | None
    """The exact two-sided sign-flip p-value, None without pairs."""
    p_holm: float | None
    """`p_value` with Holm's adjustment over all pairs of models that have a p-value."""
    votes: PairVotes | None
    """The votes on the two models, None if listeners were not asked."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of an experiment. The order of trials and votes does not change it."""

    rankings: tuple[ModelRanking, ...]
    """The models, best composite score first, or best preference share if only listeners judge. Models that can't win
    come after the others. Empty with fewer than two models to compare."""
    head_to_head: tuple[HeadToHead, ...]
    """All pairs of models, in the experiment's order."""
    winner: Model | None
    """The leader if confidence is at least low, else None."""
    confidence: Level
    """The lower of `gap_level` and `evidence_level`."""
    leader: Model | None
    """The first model of the rankings. None without rankings, and without votes if only listeners judge."""
    gap_level: Level
    evidence_level: Level
    reasons: tuple[str, ...]
    """Sentences that say which models can't win, and why confidence is not high."""
    p_winner: float | None
    """The largest p-value of the leader against an opponent with which it has pairs. It is of the votes if only
    listeners judge, else of the measurements."""
    minimum_detectable_effect: float | None
    """The difference in the primary metric that this experiment finds with 80% power, in the metric's unit. None if it
    can't be computed and if only listeners judge."""
    primary_metric: str
    composite: CompositeProfile
    method_version: str
    votes: VoteSummary | None
    """None if listeners were not asked."""
    inputs_digest: str
    """See `digest`."""
