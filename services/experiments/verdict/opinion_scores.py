"""Keeps predicted opinion scores from deciding alone, because models of them favour some voices without good reason.

With one such model in the profile, a lead that it alone makes is worth low confidence at most. With two, they count
between two voices only if both favour the same one.
"""

from __future__ import annotations

from services.experiments.verdict.compared_models import ComparedModels
from services.experiments.verdict.composite import mean, model_score
from services.experiments.verdict.levels import (
    GAP_THRESHOLDS,
    ROUNDING,
    Grade,
    grade_gap,
    grade_hardest,
    grade_measurements,
)
from services.experiments.verdict.pairing import ModelValues, pair
from services.experiments.verdict.primary import PRIMARY_METRIC, PRIMARY_METRICS
from services.experiments.verdict.profiles import OPINION_PARTS, PARTS, CompositeProfile
from services.experiments.verdict.results import Level


def cap_for_opinion_scores(grade: Grade, compared: ComparedModels, leader: int, opponent: int) -> Grade:
    """Returns the grade of the leader against an opponent, lower if only opinion scores put the leader ahead."""
    parts = [part for part in compared.profile.weights if part in OPINION_PARTS]
    if not parts or grade.level is Level.inconclusive:
        return grade
    rest = compared.profile.without_parts(parts)
    names = compared.trials[leader].model.name, compared.trials[opponent].model.name
    if len(parts) == 1:
        if rest and _lead(compared, rest, leader, opponent) > GAP_THRESHOLDS[Level.low] + ROUNDING:
            return grade
        reason = (
            f"Without {_words(parts[0])}, which one model predicts, {names[0]} is not ahead of {names[1]}. "
            "One model of opinion scores can't decide alone, so confidence is at most low."
        )
        return Grade(min(grade.level, Level.low), (*grade.reasons, reason))
    favoured = {part: _difference(compared, part, leader, opponent) for part in parts}
    for_leader = [part for part, difference in favoured.items() if difference > 0]
    for_opponent = [part for part, difference in favoured.items() if difference < 0]
    if not for_leader or not for_opponent:
        return grade
    without = _without_opinions(compared, rest, leader, opponent)
    if without.level >= grade.level:
        return grade
    reason = (
        f"The models of opinion scores disagree: {_words(for_leader[0])} favours {names[0]}, "
        f"and {_words(for_opponent[0])} favours {names[1]}. So they decide nothing between the two."
    )
    return Grade(without.level, (*grade.reasons, reason, *without.reasons))


def _without_opinions(compared: ComparedModels, rest: CompositeProfile | None, leader: int, opponent: int) -> Grade:
    """Grades the leader's lead and its evidence as if the profile had no opinion scores."""
    if rest is None:
        return Grade(Level.inconclusive, ("Nothing else has a weight.",))
    scores = [_score(compared, rest, position) for position in (leader, opponent)]
    names = [compared.trials[position].model.name for position in (leader, opponent)]
    grades = [grade_gap(names[0], scores[0], names[1], scores[1], name="composite score without opinion scores")]
    if compared.metric.name == PRIMARY_METRIC:
        metric = PRIMARY_METRICS[PRIMARY_METRIC]
        models = [compared.trials[position] for position in (leader, opponent)]
        values = [ModelValues(each, metric.values(each, rest, compared.durations)) for each in models]
        grades.append(grade_measurements(pair(values[0], values[1], metric)))
    return grade_hardest(grades)


def _lead(compared: ComparedModels, profile: CompositeProfile, leader: int, opponent: int) -> float:
    return _score(compared, profile, leader) - _score(compared, profile, opponent)


def _score(compared: ComparedModels, profile: CompositeProfile, position: int) -> float:
    return model_score(profile, compared.trials[position].measured, compared.durations).score


def _difference(compared: ComparedModels, part: str, leader: int, opponent: int) -> float:
    """Returns the mean difference of an opinion score over the prompts that both models have, 0 without any."""
    a, b = compared.trials[leader].measured, compared.trials[opponent].measured
    name = PARTS[part].name
    differences = [a[prompt][name] - b[prompt][name] for prompt in a if prompt in b]
    return mean(differences) if differences else 0.0


def _words(part: str) -> str:
    return part.replace("_", " ")
