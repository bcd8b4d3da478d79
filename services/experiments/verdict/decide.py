"""From trials to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from statistics import median, stdev

from services.experiments.verdict.composite import LATENCY, CompositeScore, mean, median_durations, model_score
from services.experiments.verdict.levels import Graded, grade_evidence, grade_gap
from services.experiments.verdict.pairing import Pairing, head_to_head, pair
from services.experiments.verdict.power import detectable_dz
from services.experiments.verdict.results import HeadToHead, Level, ModelRanking, Verdict
from services.experiments.verdict.trials import Model, ModelTrials, Trial, collect

METHOD_VERSION = "verdict/1"
"""Goes up whenever the same trials would give another verdict."""

PRIMARY_METRIC = "composite_per_prompt"
"""What evidence is computed from: the composite score of each single prompt, see `composite`."""

SPLIT_P = 0.05
"""Neighbours in the ranking have ranks of their own where `p_holm` is at most this."""

SCORE_DIGITS = 12
"""Composite scores that are equal to this many digits are equal but for rounding."""


def decide(models: Sequence[Model], prompt_count: int, trials: Iterable[Trial]) -> Verdict:
    """Reach the verdict over `models`, given in the experiment's order, from all of its ended trials.

    The unit of evidence is the prompt: repeats collapse to their median per model, prompt and measurement first. The
    leader is the model with the best composite score (among equals, the first by name). It is the winner if both the
    gap to the second and the evidence against every opponent allow at least low confidence. Testing a leader that was
    picked by the same data against its hardest opponent, unadjusted, keeps the error rate: Gutmann & Maymin, Is the
    selected population the best?, 1987; Hung & Fithian, Rank verification for exponential families, arXiv 1610.03944.

    Raises ValueError for fewer than two models, for 0 or more than 20 prompts, and for trials that are not of this
    experiment, are there twice, or are completed without measurements.
    """
    if len(models) < 2 or len(set(models)) != len(models):
        raise ValueError("an experiment has two or more different models")
    collected = collect(models, prompt_count, trials)
    durations = median_durations(collected)
    pairings = [pair(a, b, durations) for a, b in combinations(collected, 2)]
    compared = head_to_head(pairings)
    scores = {of.model: model_score(of.measured, durations) for of in collected if of.measured}
    if len(scores) < 2:
        reason = "Fewer than two models have a completed trial, so there is nothing to compare."
        nothing = Graded(Level.inconclusive, (reason,))
        return _verdict((), compared, leader=None, gap=nothing, evidence=Graded(Level.inconclusive, ()))
    best_first = sorted(collected, key=lambda of: _place(of.model, scores))
    leader, second = best_first[0], best_first[1]
    against = [pair(leader, opponent, durations) for opponent in best_first[1:] if opponent.measured]
    return _verdict(
        _rank(best_first, scores, compared),
        compared,
        leader=leader.model,
        gap=grade_gap(leader.model.name, scores[leader.model].score, second.model.name, scores[second.model].score),
        evidence=grade_evidence(against, best_first),
        p_winner=max((pairing.p_value for pairing in against if pairing.p_value is not None), default=None),
        minimum_detectable_effect=_minimum_detectable_effect(against[0]),
    )


def _verdict(
    rankings: tuple[ModelRanking, ...],
    compared: tuple[HeadToHead, ...],
    *,
    leader: Model | None,
    gap: Graded,
    evidence: Graded,
    p_winner: float | None = None,
    minimum_detectable_effect: float | None = None,
) -> Verdict:
    confidence = min(gap.level, evidence.level)
    return Verdict(
        rankings=rankings,
        head_to_head=compared,
        winner=leader if confidence is not Level.inconclusive else None,
        confidence=confidence,
        leader=leader,
        gap_level=gap.level,
        evidence_level=evidence.level,
        reasons=gap.reasons + evidence.reasons,
        p_winner=p_winner,
        minimum_detectable_effect=minimum_detectable_effect,
        primary_metric=PRIMARY_METRIC,
        composite=LATENCY,
        method_version=METHOD_VERSION,
    )


def _place(model: Model, scores: Mapping[Model, CompositeScore]) -> tuple[float, str, str, str]:
    """The sorting key of a model: best score first, those without one last, equals by name."""
    score = round(scores[model].score, SCORE_DIGITS) if model in scores else -1.0
    return -score, model.provider, model.voice_id, model.model_id


def _rank(
    best_first: Sequence[ModelTrials], scores: Mapping[Model, CompositeScore], compared: Sequence[HeadToHead]
) -> tuple[ModelRanking, ...]:
    by_pair = {frozenset((of.model_a, of.model_b)): of for of in compared}
    ranks = [1]
    for place, (upper, lower) in enumerate(pairwise(best_first), start=2):
        told_apart = _told_apart(upper, lower, by_pair[frozenset((upper.model, lower.model))])
        ranks.append(place if told_apart else ranks[-1])
    return tuple(_model_ranking(of, rank, scores.get(of.model)) for of, rank in zip(best_first, ranks, strict=True))


def _told_apart(upper: ModelTrials, lower: ModelTrials, compared: HeadToHead) -> bool:
    """Whether the evidence, too, puts the upper neighbour above the lower."""
    if not lower.measured:
        # Having spoken at all against not at all takes no statistics; two that never spoke are equals.
        return bool(upper.measured)
    if compared.effect is None or compared.p_holm is None:
        return False
    upper_is_a = compared.model_a == upper.model
    return compared.p_holm <= SPLIT_P and (compared.effect > 0) == upper_is_a


def _model_ranking(of: ModelTrials, rank: int, score: CompositeScore | None) -> ModelRanking:
    values = list(of.measured.values())
    audible = [value.ttfa_ms for value in values if value.ttfa_ms is not None]
    ended = of.trials_completed + of.trials_failed
    return ModelRanking(
        model=of.model,
        rank=rank,
        composite_score=score.score if score else 0.0,
        trials_completed=of.trials_completed,
        trials_failed=of.trials_failed,
        reliability=of.trials_completed / ended if ended else 0.0,
        avg_duration_seconds=mean(value.duration_seconds for value in values) if values else None,
        avg_ttfb_ms=mean(value.ttfb_ms for value in values) if values else None,
        avg_generation_time_ms=mean(value.generation_time_ms for value in values) if values else None,
        avg_silence_ratio=mean(value.silence_ratio for value in values) if values else None,
        median_ttfa_ms=median(audible) if audible else None,
        components=score.components if score else {},
    )


def _minimum_detectable_effect(closest: Pairing) -> float | None:
    """What the prompts that tell the leader from the second can show: their spread times the detectable dz."""
    dz = detectable_dz(closest.untied)
    return dz * stdev(closest.differences) if dz is not None else None
