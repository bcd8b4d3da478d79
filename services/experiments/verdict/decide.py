"""Reaches a verdict from trials and votes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import stdev

from services.experiments.verdict.assessing import (
    Assessment,
    assess_both,
    assess_measurements,
    assess_votes,
    missing_measurements,
)
from services.experiments.verdict.compared_models import ComparedModels, compare
from services.experiments.verdict.digest import inputs_digest
from services.experiments.verdict.pairing import pair
from services.experiments.verdict.power import detectable_dz
from services.experiments.verdict.primary import PRIMARY_METRIC, PRIMARY_METRICS
from services.experiments.verdict.profiles import LATENCY, CompositeProfile
from services.experiments.verdict.ranking import rank
from services.experiments.verdict.results import Judges, Level, Verdict, VoteSummary
from services.experiments.verdict.trials import Model, TrialOutcome, collect
from services.experiments.verdict.votes import Panel, Vote, check_votes

METHOD_VERSION = "verdict/4"
"""Must change whenever the same trials and votes would give other numbers, levels or ranks."""


UNKNOWN_PANEL = Panel()


def decide(
    models: Sequence[Model],
    prompt_count: int,
    trials: Iterable[TrialOutcome],
    *,
    composite: CompositeProfile = LATENCY,
    primary_metric: str = PRIMARY_METRIC,
    votes: Iterable[Vote] = (),
    panel: Panel = UNKNOWN_PANEL,
    judges: Judges = Judges.MEASUREMENTS,
    same_as: Sequence[int] | None = None,
) -> Verdict:
    """Reaches the verdict over `models`, given in the experiment's order, from all ended trials and counted votes.

    **Measurements judge.** The unit of evidence is the prompt. Repeats are first reduced to their median per model,
    prompt and measurement. So are prompts with the same text (`same_as`, see `trials.collect`). The leader is the model
    with the best composite score; among equals it is the first by name. The leader wins if two things allow at least
    low confidence: the gap to the second, and the evidence of the primary metric against every opponent. A model whose
    speech is faulty clearly more often than another's can't win (`gates`), and predicted opinion scores don't decide
    alone (`opinion_scores`). The data that
    picked the leader also test it against its hardest opponent. Without adjustment this keeps the error rate: Gutmann &
    Maymin, Is the selected population the best?, 1987; Hung & Fithian, Rank verification for exponential families,
    arXiv 1610.03944. A completed trial without a measurement that the profile or the primary metric needs counts for
    reliability only.

    **Listeners judge.** The unit of evidence is the listener, see `votes`. The leader is the model with the best
    preference share, and the gap is between preference shares. The leader is tested in the same way.
    `votes` are the votes that count. `panel` describes who gave them and which votes were excluded.

    **Both judge.** Ranking, gap and leader come from the measurements. The evidence is the lower of the two, and
    inconclusive if listeners prefer another model.

    Raises ValueError for fewer than two models, for 0 or more than 20 prompts, for an unknown primary metric, for votes
    where listeners don't judge, and for trials or votes that don't belong to the experiment, occur twice, or are
    completed without measurements.
    """
    trials, votes = list(trials), list(votes)
    if len(models) < 2 or len(set(models)) != len(models):
        raise ValueError("an experiment must have two or more different models")
    if primary_metric not in PRIMARY_METRICS:
        raise ValueError(f"unknown primary metric {primary_metric}")
    if votes and not judges.asks_listeners:
        raise ValueError("votes were given, but listeners don't judge this experiment")
    metric = PRIMARY_METRICS[primary_metric]
    collected = collect(models, prompt_count, trials, metric.needs(composite), same_as)
    check_votes(votes, len(models), prompt_count)
    compared = compare(collected, composite, metric, votes, panel, judges)
    by_votes = assess_votes(compared) if judges.asks_listeners else None
    assessment = _assess(compared, by_votes, judges)
    confidence = min(assessment.gap.level, assessment.evidence.level) if assessment else Level.inconclusive
    leader = collected[assessment.leader].model if assessment and assessment.leader is not None else None
    return Verdict(
        rankings=rank(compared, assessment.best_first, judges) if assessment else (),
        head_to_head=tuple(compared.head_to_head.values()),
        winner=leader if confidence is not Level.inconclusive else None,
        confidence=confidence,
        leader=leader,
        gap_level=assessment.gap.level if assessment else Level.inconclusive,
        evidence_level=assessment.evidence.level if assessment else Level.inconclusive,
        reasons=_reasons(compared, assessment, confidence, judges, prompt_count),
        p_winner=assessment.p_winner if assessment else None,
        minimum_detectable_effect=(
            _minimum_detectable_effect(compared, assessment) if judges is not Judges.LISTENERS else None
        ),
        primary_metric=primary_metric,
        composite=composite,
        method_version=METHOD_VERSION,
        votes=_vote_summary(compared, by_votes) if by_votes else None,
        inputs_digest=inputs_digest(
            models, prompt_count, trials, composite, primary_metric, votes, judges, same_as, panel
        ),
    )


def _assess(compared: ComparedModels, by_votes: Assessment | None, judges: Judges) -> Assessment | None:
    """Returns the assessment of the experiment's judges, None with fewer than two models to compare."""
    comparable = [trials.completed if judges is Judges.LISTENERS else trials.measured for trials in compared.trials]
    if sum(map(bool, comparable)) < 2:
        return None
    if judges is Judges.LISTENERS or by_votes is None:
        return by_votes or assess_measurements(compared)
    return assess_both(compared, assess_measurements(compared), by_votes)


def _reasons(
    compared: ComparedModels, assessment: Assessment | None, confidence: Level, judges: Judges, prompt_count: int
) -> tuple[str, ...]:
    if assessment:
        gates = tuple(gate.reason for gate in compared.ruled_out.values())
        limits = assessment.gap.reasons + assessment.evidence.reasons
        # What rules a model out can be the grade of the gap and of the evidence.
        reasons = tuple(dict.fromkeys(gates + limits))
    elif sum(bool(trials.completed) for trials in compared.trials) < 2:
        reasons = ("Fewer than two models have a completed trial, so there is nothing to compare.",)
    else:
        reasons = (
            "Fewer than two models have a trial with every measurement that the verdict needs, "
            "so there is nothing to compare.",
        )
    if confidence is Level.high or judges is Judges.LISTENERS:
        return reasons
    different = compared.trials[0].prompt_count
    if different < prompt_count:
        reasons += (f"Prompts with the same text count once, so the {prompt_count} prompts count as {different}.",)
    return reasons + missing_measurements(
        compared, assessment.best_first if assessment else range(len(compared.trials))
    )


def _minimum_detectable_effect(compared: ComparedModels, assessment: Assessment | None) -> float | None:
    """Returns the smallest effect that the prompts can show between the leader and the second model.

    It is the standard deviation of their differences times the detectable dz, None if either is unknown.
    """
    if assessment is None:
        return None
    leader, second = assessment.best_first[:2]
    closest = pair(compared.values[leader], compared.values[second], compared.metric)
    dz = detectable_dz(closest.untied)
    return dz * stdev(closest.differences) if dz is not None else None


def _vote_summary(compared: ComparedModels, by_votes: Assessment) -> VoteSummary:
    votes, panel = compared.votes, compared.panel
    return VoteSummary(
        listeners=len({vote.listener for vote in votes}),
        votes=len(votes),
        both_bad=sum(tally.both_bad for tally in compared.tallies.values()),
        leader=compared.trials[by_votes.leader].model if by_votes.leader is not None else None,
        p_winner=by_votes.p_winner,
        evidence_level=by_votes.evidence.level,
        excluded=panel.excluded,
        supervised=panel.supervised,
        unknown=panel.unknown,
        largest_address_share=panel.from_one_address / len(votes) if panel.from_one_address else None,
    )
