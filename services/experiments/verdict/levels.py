"""How high a confidence the gap between models and the evidence behind it allow, and what holds it down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.experiments.verdict.pairing import Pairing
from services.experiments.verdict.results import Level
from services.experiments.verdict.trials import Model, ModelTrials
from services.experiments.verdict.votes import Panel, Tally

GAPS = {Level.high: 0.10, Level.medium: 0.05, Level.low: 0.02}
"""The distance of the first two composite scores, or preference shares, has to be more than this."""

EVIDENCE = {Level.high: (0.01, 8), Level.medium: (0.05, 6), Level.low: (0.20, 4)}
"""The p-value may be at most the first, and prompts or listeners that tell the two models apart must be at least the
second."""

PRACTICAL_MARGIN = 0.05
"""An effect below this share of the opponent's mean, over the prompts that both have, is hardly worth having."""

TOLERATED_FAILURES = 0.10
"""The share of prompts that a model may leave without a trial to judge before confidence is held at low."""

TOLERATED_ADDRESS_SHARE = 0.5
"""The share of the votes that may be of listeners at one address before confidence is held at low."""

ROUNDING = 1e-9
"""0.9 - 0.8 is 0.1 and not above it."""


@dataclass(frozen=True)
class Graded:
    """A level, and in sentences what kept it from being high."""

    level: Level
    reasons: tuple[str, ...]


def grade_gap(leader: str, leader_value: float, second: str, second_value: float, *, of: str) -> Graded:
    """Grade the distance between the first two: `of` says of what, `composite score` or `preference share`."""
    gap = leader_value - second_value
    level = _highest(level for level, above in GAPS.items() if gap > above + ROUNDING)
    if level is Level.high:
        return Graded(level, ())
    above = _next(level)
    return Graded(
        level,
        (
            f"The {of} of {leader} is {gap:.3f} above that of {second}; "
            f"{above.name} confidence takes more than {GAPS[above]:.2f}.",
        ),
    )


def grade_hardest(grades: Sequence[Graded]) -> Graded:
    """The grade of the leader against its hardest opponent, of its grades against each."""
    level = min(graded.level for graded in grades)
    return Graded(level, tuple(reason for graded in grades if graded.level == level for reason in graded.reasons))


def hold_down(graded: Graded, models: Sequence[ModelTrials], *, unmeasured: bool) -> Graded:
    """Hold a grade at low where any model has nothing to judge for too many of its prompts.

    `unmeasured` says whether trials that lack a measurement count as nothing too, which they do unless listeners judge.
    """
    level, reasons = graded.level, list(graded.reasons)
    for of in models:
        missing = of.missing_share if unmeasured else of.failed_share
        if missing <= TOLERATED_FAILURES + ROUNDING:
            continue
        level = min(level, Level.low)
        there = f"{of.model.name} completed {len(of.completed)} of {of.prompt_count} prompts"
        if unmeasured and len(of.measured) < len(of.completed):
            there += f", and {len(of.measured)} of them with all that it is judged by"
        reasons.append(f"{there}; with more than {TOLERATED_FAILURES:.0%} missing, confidence is at most low.")
    return Graded(level, tuple(reasons))


def hold_to_address(graded: Graded, panel: Panel, votes: int) -> Graded:
    """Hold a grade at low where more than half of the votes are of listeners at one address.

    Whether they are many people in one office or one person at one keyboard, nobody can tell from afar.
    """
    if panel.from_one_address <= TOLERATED_ADDRESS_SHARE * votes:
        return graded
    reason = (
        f"{panel.from_one_address} of {votes} counted votes are of listeners at one address, who may be one person; "
        "with more than half from one address, confidence is at most low."
    )
    return Graded(min(graded.level, Level.low), (*graded.reasons, reason))


def grade_opponent(pairing: Pairing) -> Graded:
    """Grade the evidence of the measurements that a, the leader, is better than b."""
    leader, opponent, metric = pairing.a.model.name, pairing.b.model.name, pairing.metric
    if pairing.p_value is None or pairing.b_mean is None:
        return Graded(Level.inconclusive, (f"No prompt was completed by both {leader} and {opponent}.",))
    if not pairing.a_is_better:
        by = "" if metric.metric is None else f" in {metric.name}"
        return Graded(
            Level.inconclusive,
            (f"Not enough evidence: over the prompts that both completed, {leader} is not ahead of {opponent}{by}.",),
        )
    graded = _grade_chance(
        pairing.p_value,
        pairing.untied,
        counted=f"Prompts that tell {leader} and {opponent} apart",
        claim=f"{leader} is {metric.better} than {opponent}",
        outcome="such a difference",
    )
    if graded.level is Level.inconclusive or pairing.advantage >= PRACTICAL_MARGIN * pairing.b_mean - ROUNDING:
        return graded
    return Graded(
        Level(graded.level - 1),
        (
            *graded.reasons,
            f"{leader} is {metric.better} than {opponent} by {metric.shown(pairing.advantage)}, which is less than "
            f"{PRACTICAL_MARGIN:.0%} of {metric.shown(pairing.b_mean)}; so small an effect takes one level off.",
        ),
    )


def grade_listeners(leader: Model, opponent: Model, votes: Tally) -> Graded:
    """Grade the evidence of the votes that listeners prefer the leader, which is a in them."""
    if votes.p_value is None:
        return Graded(Level.inconclusive, (f"No listener has compared {leader.name} with {opponent.name}.",))
    if not votes.a_is_preferred:
        return Graded(
            Level.inconclusive,
            (f"Not enough evidence: listeners gave {leader.name} no more votes than {opponent.name}.",),
        )
    return _grade_chance(
        votes.p_value,
        votes.decided,
        counted=f"Listeners who prefer one of {leader.name} and {opponent.name}",
        claim=f"listeners prefer {leader.name} to {opponent.name}",
        outcome="such votes",
    )


def _grade_chance(p_value: float, count: int, *, counted: str, claim: str, outcome: str) -> Graded:
    by_p = _highest(level for level, (p, _) in EVIDENCE.items() if p_value <= p)
    by_count = _highest(level for level, (_, least) in EVIDENCE.items() if count >= least)
    level = min(by_p, by_count)
    reasons = []
    if level is not Level.high and by_count is level:
        above = _next(level)
        reasons.append(f"{counted}: {count}; {above.name} confidence takes at least {EVIDENCE[above][1]}.")
    if level is not Level.high and by_p is level:
        above = _next(level)
        reasons.append(
            f"Not enough evidence that {claim}: chance alone makes {outcome} with p = {p_value:.2g}; "
            f"{above.name} confidence takes at most {EVIDENCE[above][0]:.2f}."
        )
    return Graded(level, tuple(reasons))


def _highest(reached: Iterable[Level]) -> Level:
    return max(reached, default=Level.inconclusive)


def _next(level: Level) -> Level:
    return Level(level + 1)
