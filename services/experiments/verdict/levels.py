"""How high a confidence the gap between scores and the evidence behind it allow, and what holds it down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.experiments.verdict.pairing import Pairing
from services.experiments.verdict.results import Level
from services.experiments.verdict.trials import ModelTrials

GAPS = {Level.high: 0.10, Level.medium: 0.05, Level.low: 0.02}
"""The distance of the first two composite scores has to be more than this."""

EVIDENCE = {Level.high: (0.01, 8), Level.medium: (0.05, 6), Level.low: (0.20, 4)}
"""The p-value may be at most the first, and prompts that tell the two models apart must be at least the second."""

PRACTICAL_MARGIN = 0.05
"""An effect below this share of the opponent's mean, over the prompts that both completed, is hardly worth having."""

TOLERATED_FAILURES = 0.10
"""The share of prompts that a model may leave without a completed trial before confidence is held at low."""

ROUNDING = 1e-9
"""0.9 - 0.8 is 0.1 and not above it."""


@dataclass(frozen=True)
class Graded:
    """A level, and in sentences what kept it from being high."""

    level: Level
    reasons: tuple[str, ...]


def grade_gap(leader: str, leader_score: float, second: str, second_score: float) -> Graded:
    """Grade the distance between the first two composite scores."""
    gap = leader_score - second_score
    level = _highest(level for level, above in GAPS.items() if gap > above + ROUNDING)
    if level is Level.high:
        return Graded(level, ())
    above = _next(level)
    return Graded(
        level,
        (
            f"The composite score of {leader} is {gap:.3f} above that of {second}; "
            f"{above.name} confidence takes more than {GAPS[above]:.2f}.",
        ),
    )


def grade_evidence(against: Sequence[Pairing], models: Sequence[ModelTrials]) -> Graded:
    """Grade the evidence for the leader: that against its hardest opponent, held down by failures of any model.

    `against` pairs the leader, as a, with each opponent that completed a trial; `models` are all of the experiment,
    in the order in which reasons are to name them.
    """
    grades = [grade_opponent(pairing) for pairing in against]
    level = min(graded.level for graded in grades)
    reasons = [reason for graded in grades if graded.level == level for reason in graded.reasons]
    for of_model in models:
        if of_model.missing_share > TOLERATED_FAILURES + ROUNDING:
            level = min(level, Level.low)
            reasons.append(
                f"{of_model.model.name} completed {len(of_model.measured)} of {of_model.prompt_count} prompts; "
                f"with more than {TOLERATED_FAILURES:.0%} missing, confidence is at most low."
            )
    return Graded(level, tuple(reasons))


def grade_opponent(pairing: Pairing) -> Graded:
    """Grade the evidence that a, the leader, is better than b."""
    leader, opponent = pairing.a.model.name, pairing.b.model.name
    if pairing.p_value is None or pairing.b_mean is None:
        return Graded(Level.inconclusive, (f"No prompt was completed by both {leader} and {opponent}.",))
    if not pairing.a_is_better:
        return Graded(
            Level.inconclusive,
            (f"Not enough evidence: over the prompts that both completed, {leader} is not ahead of {opponent}.",),
        )
    by_p = _highest(level for level, (p, _) in EVIDENCE.items() if pairing.p_value <= p)
    by_prompts = _highest(level for level, (_, prompts) in EVIDENCE.items() if pairing.untied >= prompts)
    level = min(by_p, by_prompts)
    reasons = []
    if level is not Level.high and by_prompts is level:
        above = _next(level)
        reasons.append(
            f"Prompts that tell {leader} and {opponent} apart: {pairing.untied}; "
            f"{above.name} confidence takes at least {EVIDENCE[above][1]}."
        )
    if level is not Level.high and by_p is level:
        above = _next(level)
        reasons.append(
            f"Not enough evidence that {leader} is better than {opponent}: chance alone makes such a difference with "
            f"p = {pairing.p_value:.2g}; {above.name} confidence takes at most {EVIDENCE[above][0]:.2f}."
        )
    if level is not Level.inconclusive and pairing.effect < PRACTICAL_MARGIN * pairing.b_mean - ROUNDING:
        level = Level(level - 1)
        reasons.append(
            f"{leader} is better than {opponent} by {pairing.effect:.3f}, which is less than {PRACTICAL_MARGIN:.0%} "
            f"of {pairing.b_mean:.3f}; so small an effect takes one level off."
        )
    return Graded(level, tuple(reasons))


def _highest(reached: Iterable[Level]) -> Level:
    return max(reached, default=Level.inconclusive)


def _next(level: Level) -> Level:
    return Level(level + 1)
