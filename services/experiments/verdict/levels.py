"""Grades the gap between two models and the evidence behind it, with the reasons for every grade below high."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.experiments.verdict.pairing import Pairing
from services.experiments.verdict.results import Level
from services.experiments.verdict.trials import Model, ModelTrials
from services.experiments.verdict.votes import PairTally, Panel

GAP_THRESHOLDS = {Level.high: 0.10, Level.medium: 0.05, Level.low: 0.02}
"""Each level needs a larger gap than this between the first two composite scores, or preference shares."""

EVIDENCE_THRESHOLDS = {Level.high: (0.01, 8), Level.medium: (0.05, 6), Level.low: (0.20, 4)}
"""The largest p-value for each level, and the smallest number of prompts on which the two models differ. If listeners
judge, it is the number of listeners who prefer one of the two."""

PRACTICAL_MARGIN = 0.05
"""An effect below this share of the opponent's mean is too small to matter in practice. The mean is over the prompts
that both models have."""

MAX_MISSING_SHARE = 0.10
"""If a model has no usable trial for a larger share of the prompts, confidence is at most low."""

MAX_ADDRESS_SHARE = 0.5
"""If listeners at one address gave a larger share of the votes, confidence is at most low."""

ROUNDING = 1e-9
"""Allowance for rounding: 0.9 - 0.8 equals 0.1, so it is not above 0.1."""


@dataclass(frozen=True)
class Grade:
    """A level, and why it is not high."""

    level: Level
    reasons: tuple[str, ...]
    """Sentences for people who are not statisticians; empty for a high level."""


def grade_gap(leader: str, leader_value: float, second: str, second_value: float, *, name: str) -> Grade:
    """Grades the gap between the first two models. `name` is what is compared, such as `composite score`."""
    gap = leader_value - second_value
    level = _highest(level for level, above in GAP_THRESHOLDS.items() if gap > above + ROUNDING)
    if level is Level.high:
        return Grade(level, ())
    above = _next(level)
    return Grade(
        level,
        (
            f"The {name} of {leader} is {gap:.3f} higher than that of {second}; "
            f"{above.name} confidence needs more than {GAP_THRESHOLDS[above]:.2f}.",
        ),
    )


def grade_hardest(grades: Sequence[Grade]) -> Grade:
    """Returns the lowest of the leader's grades against its opponents, with the reasons of all grades at that level."""
    level = min(grade.level for grade in grades)
    return Grade(level, tuple(reason for grade in grades if grade.level == level for reason in grade.reasons))


def cap_for_missing_trials(grade: Grade, models: Sequence[ModelTrials], *, need_measurements: bool) -> Grade:
    """Caps a grade at low if any model has no usable trial for more than MAX_MISSING_SHARE of its prompts.

    With `need_measurements`, a completed trial that lacks a measurement is not usable.
    """
    level, reasons = grade.level, list(grade.reasons)
    for trials in models:
        missing = trials.missing_share if need_measurements else trials.failed_share
        if missing <= MAX_MISSING_SHARE + ROUNDING:
            continue
        level = min(level, Level.low)
        reason = f"{trials.model.name} completed {len(trials.completed)} of {trials.prompt_count} prompts"
        if need_measurements and len(trials.measured) < len(trials.completed):
            reason += f", and {len(trials.measured)} of them have every measurement that the verdict needs"
        reasons.append(f"{reason}; if more than {MAX_MISSING_SHARE:.0%} are missing, confidence is at most low.")
    return Grade(level, tuple(reasons))


def cap_for_one_address(grade: Grade, panel: Panel, votes: int) -> Grade:
    """Caps a grade at low if listeners at one address gave more than half of the votes.

    The service can't know whether they are many people in one office or one person with many browsers.
    """
    if panel.from_one_address <= MAX_ADDRESS_SHARE * votes:
        return grade
    reason = (
        f"{panel.from_one_address} of {votes} counted votes come from listeners at one address, who may be one person. "
        "If more than half come from one address, confidence is at most low."
    )
    return Grade(min(grade.level, Level.low), (*grade.reasons, reason))


def grade_measurements(pairing: Pairing) -> Grade:
    """Grades the evidence of the measurements that model a, the leader, is better than model b."""
    leader, opponent, metric = pairing.a.model.name, pairing.b.model.name, pairing.metric
    if pairing.p_value is None or pairing.b_mean is None:
        return Grade(Level.inconclusive, (f"No prompt has usable trials of both {leader} and {opponent}.",))
    if not pairing.a_is_better:
        metric_named = "" if metric.metric is None else f" in {metric.name}"
        return Grade(
            Level.inconclusive,
            (
                f"Not enough evidence: on the prompts that both completed, {leader} is not better than "
                f"{opponent}{metric_named}.",
            ),
        )
    grade = _grade_p_value(
        pairing.p_value,
        pairing.untied,
        counted=f"{leader} and {opponent} differ on {_prompts(pairing.untied)}",
        chance=f"If {leader} and {opponent} were equally {metric.adjective}, a difference this large",
    )
    if grade.level is Level.inconclusive or pairing.advantage >= PRACTICAL_MARGIN * pairing.b_mean - ROUNDING:
        return grade
    return Grade(
        Level(grade.level - 1),
        (
            *grade.reasons,
            f"{leader} is {metric.comparative} than {opponent} by {metric.shown(pairing.advantage)}, "
            f"which is less than {PRACTICAL_MARGIN:.0%} of {opponent}'s mean of {metric.shown(pairing.b_mean)}. "
            "A difference this small lowers the evidence by one level.",
        ),
    )


def grade_votes(leader: Model, opponent: Model, votes: PairTally) -> Grade:
    """Grades the evidence of the votes that listeners prefer the leader, which is model a of the tally."""
    if votes.p_value is None:
        return Grade(Level.inconclusive, (f"No listener has compared {leader.name} with {opponent.name}.",))
    if not votes.a_is_preferred:
        return Grade(
            Level.inconclusive,
            (f"Not enough evidence: {leader.name} did not get more votes than {opponent.name}.",),
        )
    listeners = f"{votes.decided} listener{'' if votes.decided == 1 else 's'}"
    return _grade_p_value(
        votes.p_value,
        votes.decided,
        counted=f"The votes of {listeners} favour either {leader.name} or {opponent.name}",
        chance=f"If listeners liked {leader.name} and {opponent.name} equally, votes this one-sided",
    )


def grade_faults(model: str, other: str, p_value: float, prompts: int) -> Grade:
    """Grades the evidence that the speech of `model` is faulty more often than that of `other`.

    `prompts` is the number of prompts on which one of them has more faults.
    """
    return _grade_p_value(
        p_value,
        prompts,
        counted=f"{model} and {other} differ in failures or hard words on {_prompts(prompts)}",
        chance=f"If {model} and {other} were equally good, faults this one-sided or scores this different",
    )


def _prompts(count: int) -> str:
    return f"{count} prompt{'' if count == 1 else 's'}"


def _grade_p_value(p_value: float, count: int, *, counted: str, chance: str) -> Grade:
    by_p = _highest(level for level, (largest, _) in EVIDENCE_THRESHOLDS.items() if p_value <= largest)
    by_count = _highest(level for level, (_, smallest) in EVIDENCE_THRESHOLDS.items() if count >= smallest)
    level = min(by_p, by_count)
    reasons = []
    if level is not Level.high and by_count is level:
        above = _next(level)
        reasons.append(f"{counted}; {above.name} confidence needs at least {EVIDENCE_THRESHOLDS[above][1]}.")
    if level is not Level.high and by_p is level:
        above = _next(level)
        reasons.append(
            f"{chance} would occur by chance {_percent(p_value)} of the time (p = {p_value:.2g}); "
            f"{above.name} confidence needs p <= {EVIDENCE_THRESHOLDS[above][0]:.2f}."
        )
    return Grade(level, tuple(reasons))


def _percent(p_value: float) -> str:
    """Returns a p-value in percent, with the two digits that `.2g` shows."""
    return f"{100 * float(f'{p_value:.2g}'):g}%"


def _highest(reached: Iterable[Level]) -> Level:
    return max(reached, default=Level.inconclusive)


def _next(level: Level) -> Level:
    return Level(level + 1)
