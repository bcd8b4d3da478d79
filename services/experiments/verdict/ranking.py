"""The models in their places."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from services.experiments.verdict.composite import mean
from services.experiments.verdict.contest import Contest
from services.experiments.verdict.evidence import hodges_lehmann_interval
from services.experiments.verdict.results import Judges, ModelRanking
from services.shared.metrics import COMPARED, Metric

SPLIT_P = 0.05
"""Neighbours in the ranking have ranks of their own where `p_holm` is at most this."""


def rank(contest: Contest, best_first: Sequence[int], judges: Judges) -> tuple[ModelRanking, ...]:
    """Every model with its rank, best first. Neighbours share a rank unless the evidence tells them apart."""
    told_apart = _told_apart_by_votes if judges is Judges.LISTENERS else _told_apart
    ranks = [1]
    for place, (upper, lower) in enumerate(pairwise(best_first), start=2):
        ranks.append(place if told_apart(contest, upper, lower) else ranks[-1])
    return tuple(_ranking(contest, position, place) for position, place in zip(best_first, ranks, strict=True))


def _told_apart(contest: Contest, upper: int, lower: int) -> bool:
    """Whether the evidence, too, puts the upper neighbour above the lower."""
    if not contest.of[lower].measured:
        # Having spoken at all against not at all takes no statistics; two that never spoke are equals.
        return bool(contest.of[upper].measured)
    compared = contest.compared[min(upper, lower), max(upper, lower)]
    if compared.p_holm is None:
        return False
    return compared.p_holm <= SPLIT_P and compared.favours == contest.of[upper].model


def _told_apart_by_votes(contest: Contest, upper: int, lower: int) -> bool:
    if not contest.of[lower].completed:
        return bool(contest.of[upper].completed)
    votes = contest.compared[min(upper, lower), max(upper, lower)].votes
    if votes is None or votes.p_holm is None:
        return False
    return votes.p_holm <= SPLIT_P and contest.tally(upper, lower).a_is_preferred


def _ranking(contest: Contest, position: int, place: int) -> ModelRanking:
    of, score = contest.of[position], contest.scores[position]
    interval = hodges_lehmann_interval(contest.prompt_scores[position])
    ended = of.trials_completed + of.trials_failed
    completed = of.completed.values()
    known = [(metric, [each[metric.name] for each in completed if metric.name in each]) for metric in COMPARED]
    return ModelRanking(
        model=of.model,
        rank=place,
        composite_score=score.score if score else 0.0,
        score_low=interval[0] if interval else None,
        score_high=interval[1] if interval else None,
        preference_share=contest.shares[position],
        trials_completed=of.trials_completed,
        trials_failed=of.trials_failed,
        trials_unmeasured=of.trials_unmeasured,
        reliability=of.trials_completed / ended if ended else 0.0,
        summaries={metric.name: _summary(metric, values) for metric, values in known if values},
        components=score.components if score else {},
    )


def _summary(metric: Metric, values: Sequence[float]) -> float:
    return mean(values) if metric.summary == "avg" else median(values)
