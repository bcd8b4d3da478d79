"""What measurements find, what listeners find, and what both find together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.experiments.verdict.contest import Contest, Finding
from services.experiments.verdict.levels import (
    Graded,
    grade_gap,
    grade_hardest,
    grade_listeners,
    grade_opponent,
    hold_down,
    hold_to_address,
)
from services.experiments.verdict.pairing import pair
from services.experiments.verdict.results import Level
from services.experiments.verdict.votes import EXCLUSIONS


def by_measurements(contest: Contest) -> Finding:
    """Rank by the composite score, and test the leader by the primary metric. Two models or more must have a score."""
    order = sorted(range(len(contest.of)), key=contest.by_score)
    leader, second = order[0], order[1]
    against = [
        pair(contest.judged[leader], contest.judged[opponent], contest.metric)
        for opponent in order[1:]
        if contest.scores[opponent]
    ]
    evidence = grade_hardest([grade_opponent(pairing) for pairing in against])
    return Finding(
        best_first=order,
        leader=leader,
        gap=_gap(contest, leader, second, _score(contest), of="composite score"),
        evidence=hold_down(evidence, [contest.of[position] for position in order], unmeasured=True),
        p_winner=max((pairing.p_value for pairing in against if pairing.p_value is not None), default=None),
    )


def by_listeners(contest: Contest) -> Finding:
    """Rank by the preference share, and test the leader by the votes, clustered by listener."""
    order = sorted(range(len(contest.of)), key=contest.by_share)
    leader = order[0]
    if not contest.votes:
        none = "No listener has a vote that counts" if contest.panel.excluded else "No listener has voted"
        reasons = (f"{none}, so there is no evidence of what they prefer.", *_left_out(contest))
        nothing = Graded(Level.inconclusive, reasons)
        return Finding(order, None, Graded(Level.inconclusive, ()), nothing, None)
    # Nobody can vote on a model that never spoke, so it is no opponent.
    against = [
        opponent for opponent in order[1:] if contest.of[opponent].completed or contest.shares[opponent] is not None
    ]
    second = next(position for position in order[1:] if contest.shares[position] is not None)
    tallies = [contest.tally(leader, opponent) for opponent in against]
    evidence = grade_hardest(
        [
            grade_listeners(contest.of[leader].model, contest.of[opponent].model, votes)
            for opponent, votes in zip(against, tallies, strict=True)
        ]
    )
    evidence = hold_to_address(evidence, contest.panel, len(contest.votes))
    evidence = hold_down(evidence, [contest.of[position] for position in order], unmeasured=False)
    if evidence.level is not Level.high:
        evidence = Graded(evidence.level, evidence.reasons + _left_out(contest))
    return Finding(
        best_first=order,
        leader=leader,
        gap=_gap(contest, leader, second, lambda position: contest.shares[position] or 0.0, of="preference share"),
        evidence=evidence,
        p_winner=max((votes.p_value for votes in tallies if votes.p_value is not None), default=None),
    )


def by_both(contest: Contest, measured: Finding, heard: Finding) -> Finding:
    """Keep the ranking of the measurements, and their leader's evidence as far as listeners bear it out.

    Its level is the lower of the two, and inconclusive if listeners prefer another model.
    """
    reasons = measured.evidence.reasons + tuple(r for r in heard.evidence.reasons if r not in measured.evidence.reasons)
    level = min(measured.evidence.level, heard.evidence.level)
    if measured.leader is not None and heard.leader is not None and measured.leader != heard.leader:
        by_score, by_share = contest.of[measured.leader].model.name, contest.of[heard.leader].model.name
        level = Level.inconclusive
        reasons = (
            f"Measurements put {by_score} first and listeners {by_share}; "
            "a winner is named only where measurements and listeners agree.",
            *reasons,
        )
    return Finding(measured.best_first, measured.leader, measured.gap, Graded(level, reasons), measured.p_winner)


def _left_out(contest: Contest) -> tuple[str, ...]:
    """What to say of votes that don't count, a sentence if there are some."""
    excluded = contest.panel.excluded
    if not excluded:
        return ()
    why = ", ".join(f"{count} {EXCLUSIONS.get(reason, reason)}" for reason, count in sorted(excluded.items()))
    return (f"Further votes were left out as doubtful, {sum(excluded.values())} in all: {why}.",)


def _score(contest: Contest) -> Callable[[int], float]:
    def of(position: int) -> float:
        score = contest.scores[position]
        return score.score if score else 0.0

    return of


def _gap(contest: Contest, leader: int, second: int, value: Callable[[int], float], *, of: str) -> Graded:
    names = [contest.of[position].model.name for position in (leader, second)]
    return grade_gap(names[0], value(leader), names[1], value(second), of=of)


def unmeasured(contest: Contest, order: Sequence[int]) -> tuple[str, ...]:
    """What to say of completed trials that could not be judged, a sentence for each model that has some."""
    return tuple(
        f"{of.trials_unmeasured} of {of.trials_completed} completed trials of {of.model.name} lack "
        f"{' and '.join(of.lacking)}, so they count as not measured."
        for of in (contest.of[position] for position in order)
        if of.trials_unmeasured
    )
