"""The verdict: what the trials of an experiment say, and how surely. Mirrors `voicearena.experiments.v1.Results`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from services.experiments.verdict.profiles import CompositeProfile
from services.experiments.verdict.trials import Model


class Level(IntEnum):
    """How much can be said; a higher level compares greater. The names are those of the wire."""

    inconclusive = 0
    """Not enough evidence. It does not mean that there is no difference."""
    low = 1
    medium = 2
    high = 3


class Judges(StrEnum):
    """Who judges; the names are those of the wire."""

    MEASUREMENTS = "automated"
    LISTENERS = "human"
    BOTH = "hybrid"

    @property
    def asks_listeners(self) -> bool:
        """Whether votes count."""
        return self is not Judges.MEASUREMENTS


@dataclass(frozen=True)
class ModelRanking:
    """One model's place. Summaries are over the prompts that it completed, repeats collapsed."""

    model: Model
    rank: int
    """From 1. Models that the evidence does not tell apart from their neighbour share one, and the next group's rank
    counts all of them: 1, 1, 3."""
    composite_score: float
    """0 to 1, 1 is best; 0 for a model without a trial that can be judged."""
    score_low: float | None
    score_high: float | None
    """The exact 95% interval (Walsh averages) of the composite of a prompt, None below 6 prompts."""
    preference_share: float | None
    """The mean over listeners of the share of their votes that it won, 0 to 1, None without votes."""
    trials_completed: int
    trials_failed: int
    trials_unmeasured: int
    """How many of the completed ones lack something that they are judged by; they are in no score."""
    reliability: float
    """The share of its trials that completed, 0 to 1; 0 when it has none."""
    summaries: Mapping[str, float]
    """For each metric that it is compared by, by name, the mean or the median; none that it has no value of."""
    components: Mapping[str, float]
    """The parts of the composite score, each 0 to 1, in the order of the profile; empty if it has no score."""


@dataclass(frozen=True)
class PairVotes:
    """The votes on a pair of models, and their sign test, clustered by listener."""

    a: int
    b: int
    ties: int
    both_bad: int
    listeners: int
    p_value: float | None
    p_holm: float | None
    """`p_value` adjusted after Holm for all pairs of models that were voted on."""


@dataclass(frozen=True)
class VoteSummary:
    """The votes over all pairs."""

    listeners: int
    votes: int
    both_bad: int
    leader: Model | None
    """The model with the best preference share, None without votes."""
    p_winner: float | None
    """The largest p-value of this leader against an opponent with which it was compared."""
    evidence_level: Level
    excluded: Mapping[str, int]
    """How many further votes were left out as doubtful, by reason."""
    supervised: int
    """How many of the votes came by links of supervised panels."""
    unknown: int
    """How many of the votes were cast before votes were judged."""
    largest_address_share: float | None
    """The share of the votes that are of listeners at one address, the one with the most; None if none is known."""


@dataclass(frozen=True)
class HeadToHead:
    """Two models over the prompts that both completed with all that they are judged by."""

    model_a: Model
    model_b: Model
    a_wins: int
    b_wins: int
    ties: int
    pairs: int
    """How many prompts those are."""
    effect: float | None
    """The Hodges-Lehmann estimate of a minus b in the primary metric, None without pairs. Of a composite a positive one
    speaks for a, of a time in ms a negative one."""
    effect_low: float | None
    effect_high: float | None
    """The exact 95% interval of the effect, None below 6 pairs."""
    favours: Model | None
    """The one for which the effect speaks, None without pairs and for an effect of 0."""
    p_value: float | None
    """The exact two-sided sign-flip p-value, None without pairs."""
    p_holm: float | None
    """`p_value` adjusted after Holm for all pairs of models that have a p-value."""
    votes: PairVotes | None
    """What listeners said of the two, None where none were asked."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of an experiment. Equal trials and votes give an equal verdict, whatever their order."""

    rankings: tuple[ModelRanking, ...]
    """The models, best composite score first, or best preference share where listeners alone judge; empty when there
    are fewer than two models to compare."""
    head_to_head: tuple[HeadToHead, ...]
    """All pairs of models, in the order in which the experiment lists them."""
    winner: Model | None
    """The leader, once confidence is at least low."""
    confidence: Level
    """The lower of `gap_level` and `evidence_level`."""
    leader: Model | None
    """The first of the rankings, None without rankings, and without votes where listeners alone judge."""
    gap_level: Level
    evidence_level: Level
    reasons: tuple[str, ...]
    """What held the confidence down, in sentences; empty when it is high."""
    p_winner: float | None
    """The largest p-value of the leader against an opponent with which it has pairs: of the votes where listeners alone
    judge, else of the measurements."""
    minimum_detectable_effect: float | None
    """The difference in the primary metric that this design finds with 80% power, None if it can't be said and where
    listeners alone judge."""
    primary_metric: str
    composite: CompositeProfile
    method_version: str
    votes: VoteSummary | None
    """What listeners said, None where none were asked."""
    inputs_digest: str
    """See `digest`."""
