"""Gathers what is known of each compared model and of each pair of them: the input of every assessment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from services.experiments.verdict.composite import CompositeScore, median_durations, model_score
from services.experiments.verdict.evidence import holm
from services.experiments.verdict.gates import RuledOut, ruled_out
from services.experiments.verdict.pairing import ModelValues, head_to_head, pair
from services.experiments.verdict.primary import PRIMARY_METRIC, PRIMARY_METRICS, PrimaryMetric
from services.experiments.verdict.profiles import CompositeProfile
from services.experiments.verdict.results import HeadToHead, Judges, PairVotes
from services.experiments.verdict.trials import ModelTrials
from services.experiments.verdict.votes import PairTally, Panel, Vote, preference_shares, tally

SCORE_DIGITS = 12
"""Scores and shares that agree to this many digits are equal: they differ by rounding only."""

ScoreKey = tuple[bool, bool, float, str, str, str]


@dataclass(frozen=True)
class ComparedModels:
    """The compared models. Every sequence is in the experiment's order; a position is an index into it."""

    trials: Sequence[ModelTrials]
    metric: PrimaryMetric
    values: Sequence[ModelValues]
    """The models' values in the primary metric."""
    scores: Sequence[CompositeScore | None]
    """None for a model without a trial that has every needed measurement."""
    prompt_scores: Sequence[Sequence[float]]
    """The composite score of each prompt, by model."""
    head_to_head: Mapping[tuple[int, int], HeadToHead]
    """Each pair of positions, the lower first, in the experiment's order."""
    votes: Sequence[Vote]
    tallies: Mapping[tuple[int, int], PairTally]
    """The votes on each pair of positions, the lower first."""
    shares: Sequence[float | None]
    """The preference share of each model, None without votes on it."""
    panel: Panel
    profile: CompositeProfile
    durations: Mapping[int, float]
    """The median length in seconds of the models' audio, by prompt index."""
    ruled_out: Mapping[int, RuledOut]
    """The models that can't win, by position. Empty if only listeners judge."""

    def tally(self, a: int, b: int) -> PairTally:
        """Returns the votes on two models, `a` being the first."""
        return self.tallies[a, b] if a < b else self.tallies[b, a].mirrored()

    def score(self, position: int) -> float:
        """Returns the composite score of a model, 0 if it has none."""
        score = self.scores[position]
        return score.score if score else 0.0

    def by_score(self, position: int) -> ScoreKey:
        """Returns a sort key: best composite score first, equal scores by name. Models that can't win come after the
        others, and models without a score come last."""
        score, model = self.scores[position], self.trials[position].model
        return (
            score is None,
            position in self.ruled_out,
            -round(score.score, SCORE_DIGITS) if score else 0.0,
            model.provider,
            model.voice_id,
            model.model_id,
        )

    def by_share(self, position: int) -> tuple[float, ScoreKey]:
        """Returns a sort key: best preference share first, models without a share last, equal shares by score."""
        share = self.shares[position]
        return -round(share, SCORE_DIGITS) if share is not None else 1.0, self.by_score(position)


def compare(
    trials: Sequence[ModelTrials],
    profile: CompositeProfile,
    metric: PrimaryMetric,
    votes: Sequence[Vote],
    panel: Panel,
    judges: Judges,
) -> ComparedModels:
    """Computes scores, values, comparisons and tallies of the models."""
    durations = median_durations(trials)
    values = [ModelValues(each, metric.values(each, profile, durations)) for each in trials]
    composite = [PRIMARY_METRICS[PRIMARY_METRIC].values(each, profile, durations) for each in trials]
    pairs = list(combinations(range(len(trials)), 2))
    tallies = tally(votes, len(trials))
    pair_votes = _pair_votes(tallies) if judges.asks_listeners else dict.fromkeys(pairs)
    compared = head_to_head(
        [pair(values[a], values[b], metric) for a, b in pairs], [pair_votes[each] for each in pairs]
    )
    return ComparedModels(
        trials=trials,
        metric=metric,
        values=values,
        scores=[model_score(profile, each.measured, durations) if each.measured else None for each in trials],
        prompt_scores=[list(scores.values()) for scores in composite],
        head_to_head=dict(zip(pairs, compared, strict=True)),
        votes=votes,
        tallies=tallies,
        shares=preference_shares(votes, len(trials)),
        panel=panel,
        profile=profile,
        durations=durations,
        ruled_out=ruled_out(trials) if judges is not Judges.LISTENERS else {},
    )


def _pair_votes(tallies: Mapping[tuple[int, int], PairTally]) -> dict[tuple[int, int], PairVotes]:
    adjusted = iter(holm([each.p_value for each in tallies.values() if each.p_value is not None]))
    return {
        pair: PairVotes(
            a=each.a,
            b=each.b,
            ties=each.ties,
            both_bad=each.both_bad,
            listeners=each.listeners,
            p_value=each.p_value,
            p_holm=next(adjusted) if each.p_value is not None else None,
        )
        for pair, each in tallies.items()
    }
