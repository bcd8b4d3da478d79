"""Gives each model its rank."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from services.experiments.verdict.compared_models import ComparedModels
from services.experiments.verdict.composite import mean
from services.experiments.verdict.evidence import hodges_lehmann_interval
from services.experiments.verdict.results import Judges, ModelRanking
from services.shared.metrics import VERDICT_METRICS, Metric

MAX_SEPARATE_P = 0.05
"""Neighbours in the ranking get different ranks only if their `p_holm` is at most this."""


def rank(compared: ComparedModels, best_first: Sequence[int], judges: Judges) -> tuple[ModelRanking, ...]:
    """Returns every model with its rank, best first. Neighbours share a rank unless the evidence separates them."""
    separated = _separated_by_votes if judges is Judges.LISTENERS else _separated_by_measurements
    ranks = [1]
    for place, (upper, lower) in enumerate(pairwise(best_first), start=2):
        ranks.append(place if separated(compared, upper, lower) else ranks[-1])
    return tuple(_ranking(compared, position, place) for position, place in zip(best_first, ranks, strict=True))


def _separated_by_measurements(compared: ComparedModels, upper: int, lower: int) -> bool:
    """Returns whether the evidence also puts the upper neighbour above the lower one."""
    if not compared.trials[lower].measured:
        # A model with measured trials is above one without, and no statistics are needed. Two without are equal.
        return bool(compared.trials[upper].measured)
    if (upper in compared.ruled_out) != (lower in compared.ruled_out):
        return True
    both = compared.head_to_head[min(upper, lower), max(upper, lower)]
    if both.p_holm is None:
        return False
    return both.p_holm <= MAX_SEPARATE_P and both.favours == compared.trials[upper].model


def _separated_by_votes(compared: ComparedModels, upper: int, lower: int) -> bool:
    if not compared.trials[lower].completed:
        return bool(compared.trials[upper].completed)
    votes = compared.head_to_head[min(upper, lower), max(upper, lower)].votes
    if votes is None or votes.p_holm is None:
        return False
    return votes.p_holm <= MAX_SEPARATE_P and compared.tally(upper, lower).a_is_preferred


def _ranking(compared: ComparedModels, position: int, place: int) -> ModelRanking:
    trials, score = compared.trials[position], compared.scores[position]
    interval = hodges_lehmann_interval(compared.prompt_scores[position])
    ended = trials.trials_completed + trials.trials_failed
    completed = trials.completed.values()
    known = [(metric, [each[metric.name] for each in completed if metric.name in each]) for metric in VERDICT_METRICS]
    gate = compared.ruled_out.get(position)
    return ModelRanking(
        model=trials.model,
        rank=place,
        composite_score=score.score if score else 0.0,
        score_low=interval[0] if interval else None,
        score_high=interval[1] if interval else None,
        preference_share=compared.shares[position],
        trials_completed=trials.trials_completed,
        trials_failed=trials.trials_failed,
        trials_unmeasured=trials.trials_unmeasured,
        reliability=trials.trials_completed / ended if ended else 0.0,
        summaries={metric.name: _summary(metric, values) for metric, values in known if values},
        components=score.components if score else {},
        ruled_out=gate.reason if gate else "",
    )


def _summary(metric: Metric, values: Sequence[float]) -> float:
    return mean(values) if metric.summary == "avg" else median(values)
