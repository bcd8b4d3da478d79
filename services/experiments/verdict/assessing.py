"""Assesses the models by their measurements, by the listeners' votes, or by both together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.experiments.verdict.compared_models import ComparedModels
from services.experiments.verdict.levels import (
    Grade,
    cap_for_missing_trials,
    cap_for_one_address,
    grade_gap,
    grade_hardest,
    grade_measurements,
    grade_votes,
)
from services.experiments.verdict.opinion_scores import cap_for_opinion_scores
from services.experiments.verdict.pairing import pair
from services.experiments.verdict.results import Level
from services.experiments.verdict.votes import EXCLUSIONS


@dataclass(frozen=True)
class Assessment:
    """How one kind of judge ranks the models, and how sure the first place is."""

    best_first: Sequence[int]
    """The positions of all models."""
    leader: int | None
    """The position of the first model, None without votes."""
    gap: Grade
    evidence: Grade
    p_winner: float | None
    """The largest p-value of the leader against an opponent."""


def assess_measurements(compared: ComparedModels) -> Assessment:
    """Ranks by the composite score and tests the leader by the primary metric.

    The leader is the best model that the gate does not rule out. It is ahead of a model that is ruled out by what rules
    that model out, or by its score if that is the better evidence. At least two models must have a score.
    """
    order = sorted(range(len(compared.trials)), key=compared.by_score)
    leader, *others = [position for position in order if compared.scores[position]]
    pairings = {
        opponent: pair(compared.values[leader], compared.values[opponent], compared.metric) for opponent in others
    }
    rivals = [opponent for opponent in others if opponent not in compared.ruled_out]
    gaps = [_score_gap(compared, leader, opponent) for opponent in rivals[:1]]
    evidence = []
    for opponent, pairing in pairings.items():
        grade = cap_for_opinion_scores(grade_measurements(pairing), compared, leader, opponent)
        gate = compared.ruled_out.get(opponent)
        evidence.append(_better(grade, gate.grade) if gate else grade)
        if gate:
            gaps.append(_better(_score_gap(compared, leader, opponent), gate.grade))
    hardest = grade_hardest(evidence)
    if leader in compared.ruled_out:
        hardest = Grade(Level.inconclusive, ("Every model is ruled out by another one, so none can win.",))
    models = [compared.trials[position] for position in order]
    return Assessment(
        best_first=order,
        leader=leader,
        gap=grade_hardest(gaps),
        evidence=cap_for_missing_trials(hardest, models, need_measurements=True),
        p_winner=max((pairing.p_value for pairing in pairings.values() if pairing.p_value is not None), default=None),
    )


def assess_votes(compared: ComparedModels) -> Assessment:
    """Ranks by the preference share and tests the leader by the votes, clustered by listener."""
    order = sorted(range(len(compared.trials)), key=compared.by_share)
    leader = order[0]
    if not compared.votes:
        none = "No vote counts" if compared.panel.excluded else "No listener has voted"
        reasons = (f"{none}, so there is no evidence of what listeners prefer.", *_excluded_votes(compared))
        return Assessment(order, None, Grade(Level.inconclusive, ()), Grade(Level.inconclusive, reasons), None)
    # Listeners can't vote on a model that never spoke, so it is not an opponent.
    against = [
        opponent
        for opponent in order[1:]
        if compared.trials[opponent].completed or compared.shares[opponent] is not None
    ]
    second = next(position for position in order[1:] if compared.shares[position] is not None)
    tallies = [compared.tally(leader, opponent) for opponent in against]
    evidence = grade_hardest(
        [
            grade_votes(compared.trials[leader].model, compared.trials[opponent].model, votes)
            for opponent, votes in zip(against, tallies, strict=True)
        ]
    )
    evidence = cap_for_one_address(evidence, compared.panel, len(compared.votes))
    models = [compared.trials[position] for position in order]
    evidence = cap_for_missing_trials(evidence, models, need_measurements=False)
    if evidence.level is not Level.high:
        evidence = Grade(evidence.level, evidence.reasons + _excluded_votes(compared))
    return Assessment(
        best_first=order,
        leader=leader,
        gap=_gap(compared, leader, second, lambda position: compared.shares[position] or 0.0, name="preference share"),
        evidence=evidence,
        p_winner=max((votes.p_value for votes in tallies if votes.p_value is not None), default=None),
    )


def assess_both(compared: ComparedModels, measured: Assessment, by_votes: Assessment) -> Assessment:
    """Keeps the ranking of the measurements, with the lower evidence of the two.

    The evidence is inconclusive if listeners prefer another model.
    """
    reasons = measured.evidence.reasons + tuple(
        reason for reason in by_votes.evidence.reasons if reason not in measured.evidence.reasons
    )
    level = min(measured.evidence.level, by_votes.evidence.level)
    if measured.leader is not None and by_votes.leader is not None and measured.leader != by_votes.leader:
        best_score = compared.trials[measured.leader].model.name
        best_share = compared.trials[by_votes.leader].model.name
        level = Level.inconclusive
        reasons = (
            f"The measurements rank {best_score} first, but listeners prefer {best_share}. "
            "A winner is named only if measurements and listeners agree.",
            *reasons,
        )
    return Assessment(measured.best_first, measured.leader, measured.gap, Grade(level, reasons), measured.p_winner)


def missing_measurements(compared: ComparedModels, order: Sequence[int]) -> tuple[str, ...]:
    """Returns a sentence for each model with completed trials that lack a measurement."""
    return tuple(
        f"Missing measurements ({', '.join(trials.lacking)}) exclude {trials.trials_unmeasured} of "
        f"{trials.trials_completed} completed trials of {trials.model.name} from the comparison."
        for trials in (compared.trials[position] for position in order)
        if trials.trials_unmeasured
    )


def _excluded_votes(compared: ComparedModels) -> tuple[str, ...]:
    """Returns a sentence about votes that don't count, nothing if every vote counts."""
    excluded = compared.panel.excluded
    if not excluded:
        return ()
    why = ", ".join(f"{count} {EXCLUSIONS.get(reason, reason)}" for reason, count in sorted(excluded.items()))
    total = sum(excluded.values())
    votes = f"{'more ' if compared.votes else ''}{'vote was' if total == 1 else 'votes were'}"
    return (f"{total} {votes} left out as doubtful: {why}.",)


def _score_gap(compared: ComparedModels, leader: int, second: int) -> Grade:
    return _gap(compared, leader, second, compared.score, name="composite score")


def _better(measured: Grade, gate: Grade) -> Grade:
    """Returns the grade with the higher level, the first of two equal ones."""
    return max(measured, gate, key=lambda grade: grade.level)


def _gap(compared: ComparedModels, leader: int, second: int, value: Callable[[int], float], *, name: str) -> Grade:
    names = [compared.trials[position].model.name for position in (leader, second)]
    return grade_gap(names[0], value(leader), names[1], value(second), name=name)
