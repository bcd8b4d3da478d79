"""The compared models with all that is known of each and of each pair: what both kinds of judges look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from services.experiments.verdict.composite import CompositeScore, median_durations, model_score
from services.experiments.verdict.evidence import holm
from services.experiments.verdict.levels import Graded
from services.experiments.verdict.pairing import Judged, head_to_head, pair
from services.experiments.verdict.primary import PRIMARY_METRIC, PRIMARY_METRICS, PrimaryMetric
from services.experiments.verdict.profiles import CompositeProfile
from services.experiments.verdict.results import HeadToHead, Judges, PairVotes
from services.experiments.verdict.trials import ModelTrials
from services.experiments.verdict.votes import Panel, Tally, Vote, preference_shares, tally

SCORE_DIGITS = 12
"""Scores and shares that are equal to this many digits are equal but for rounding."""


@dataclass(frozen=True)
class Contest:
    """The compared models; everything about them is by their position in the experiment."""

    of: Sequence[ModelTrials]
    metric: PrimaryMetric
    judged: Sequence[Judged]
    """With their values in the primary metric."""
    scores: Sequence[CompositeScore | None]
    """None for a model without a trial that can be judged."""
    prompt_scores: Sequence[Sequence[float]]
    """The composite of each of its prompts."""
    compared: Mapping[tuple[int, int], HeadToHead]
    """Each pair, the lower position first, in the order of the experiment."""
    votes: Sequence[Vote]
    tallies: Mapping[tuple[int, int], Tally]
    shares: Sequence[float | None]
    """The preference share of each, None for a model that nobody voted on."""
    panel: Panel
    """Who gave the votes."""

    def tally(self, a: int, b: int) -> Tally:
        """The votes on two models as the first of them sees it."""
        return self.tallies[a, b] if a < b else self.tallies[b, a].mirrored()

    def by_score(self, position: int) -> tuple[float, str, str, str]:
        """A sorting key: best composite score first, those without one last, equals by name."""
        score, model = self.scores[position], self.of[position].model
        return -round(score.score, SCORE_DIGITS) if score else 1.0, model.provider, model.voice_id, model.model_id

    def by_share(self, position: int) -> tuple[float, tuple[float, str, str, str]]:
        """A sorting key: best preference share first, those without one last, equals by score."""
        share = self.shares[position]
        return -round(share, SCORE_DIGITS) if share is not None else 1.0, self.by_score(position)


@dataclass(frozen=True)
class Finding:
    """What one kind of judge found."""

    best_first: Sequence[int]
    """Positions of all models."""
    leader: int | None
    """The first of them, None if there is nothing to go by."""
    gap: Graded
    evidence: Graded
    p_winner: float | None


def contest(
    of: Sequence[ModelTrials],
    profile: CompositeProfile,
    metric: PrimaryMetric,
    votes: Sequence[Vote],
    panel: Panel,
    judges: Judges,
) -> Contest:
    """Work out what is known of the models and of each pair."""
    durations = median_durations(of)
    judged = [Judged(one, metric.values(one, profile, durations)) for one in of]
    composite = [PRIMARY_METRICS[PRIMARY_METRIC].values(one, profile, durations) for one in of]
    pairs = list(combinations(range(len(of)), 2))
    tallies = tally(votes, len(of))
    voted = _pair_votes(tallies) if judges.asks_listeners else dict.fromkeys(pairs)
    compared = head_to_head([pair(judged[a], judged[b], metric) for a, b in pairs], [voted[each] for each in pairs])
    return Contest(
        of=of,
        metric=metric,
        judged=judged,
        scores=[model_score(profile, one.measured, durations) if one.measured else None for one in of],
        prompt_scores=[list(values.values()) for values in composite],
        compared=dict(zip(pairs, compared, strict=True)),
        votes=votes,
        tallies=tallies,
        shares=preference_shares(votes, len(of)),
        panel=panel,
    )


def _pair_votes(tallies: Mapping[tuple[int, int], Tally]) -> dict[tuple[int, int], PairVotes]:
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
