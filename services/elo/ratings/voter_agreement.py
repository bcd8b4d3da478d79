"""Whether a voter votes unlike the others who heard the same pairs.

A test of one voter's votes in the order in which they came. It may be asked after every vote: it is a betting
martingale, whose wealth reaches 1/alpha with probability alpha at most if the voter votes like the others (Ville's
inequality; Shafer, JRSS A 184, 2021). The bets are that the voter favours or avoids one model, or prefers one slot or
no winner, whatever the clips are. Each bet is on odds of 99 beyond those of the others: a person's taste is not that
strong, so fans of a voice are not excluded.

Votes that are meant to lift a model make honest voters look as if they avoided it. So sessions that share an address
are tested as one voter first. Then each voter is tested against the votes that are left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.elo.ratings.ranks import count_outcomes
from services.elo.ratings.votes import Floats, Ints, Outcome, Votes

DEFAULT_ALPHA = 0.001
"""The probability that a voter who votes like the others is ever called unlike them, and loses their votes."""
MIN_OTHERS = 5
"""Votes of others on a pair. With fewer, a vote on it says nothing about the voter."""
FAVOUR_ODDS = 99.0
"""What a bet assumes: where others choose a model in half of their votes, this voter does in 99 of 100."""
BEHAVIOURS = 3
"""Preferring slot A, slot B, or no winner."""


@dataclass(frozen=True, slots=True)
class VoterTest:
    """The result of the test."""

    evidence: float
    """The largest wealth so far. 1 is none, 1,000 is what one of 1,000 voters like the others reaches."""
    tested_votes: int
    """The number of votes on pairs that enough others voted on."""
    unlike_others_after: int | None
    """The number of votes, from 1, after which the voter was first surely unlike the others. None if never."""
    favoured: int | None
    """The model on which the best bet was if the voter is unlike the others. None for a behaviour or no difference."""

    @property
    def unlike_others(self) -> bool:
        """Whether the votes of this voter should be excluded."""
        return self.unlike_others_after is not None


def voter_test(own: Votes, everyone: Ints, models: int, alpha: float = DEFAULT_ALPHA) -> VoterTest:
    """Tests the votes of one voter against those of the others of each pair.

    `own` are the human votes of the voter in the order in which they came. `everyone` is `count_outcomes` of all human
    votes, those of this voter included: (models, models, 4). Several voters who share an address can be tested as one.

    Raises ValueError if `everyone` lacks votes of `own`, or a vote names a model whose number is not below `models`.
    """
    others = everyone - count_outcomes(own, models)
    if others.min(initial=0) < 0:
        raise ValueError("the table of everyone's votes must include those of this voter")
    wealth = np.ones(2 * models + BEHAVIOURS)
    best, tested, after, favoured = 1.0, 0, None, None
    for number, (a, b, outcome) in enumerate(zip(own.a, own.b, own.outcome, strict=True), start=1):
        forward, backward = others[a, b], others[b, a]
        # The vote joins the others, and so do the earlier votes of the voter: under the hypothesis, any of these votes
        # could have been this one.
        forward[outcome] += 1
        if forward.sum() + backward.sum() <= MIN_OTHERS:
            continue
        tested += 1
        _bet(wealth, models, (int(a), int(b)), Outcome(outcome), _shares(forward, backward))
        mean = float(wealth.mean())
        best = max(best, mean)
        if after is None and mean >= 1 / alpha:
            after = number
            winner = int(np.argmax(wealth))
            favoured = winner if winner < models else None
    return VoterTest(best, tested, after, favoured)


def _shares(forward: Ints, backward: Ints) -> Floats:
    """Returns the shares of: model in slot A preferred, the other preferred, slot A, slot B, no winner."""
    total = forward.sum() + backward.sum()
    slot_a, slot_b = Outcome.A, Outcome.B
    return np.array(
        [
            forward[slot_a] + backward[slot_b],
            forward[slot_b] + backward[slot_a],
            forward[slot_a] + backward[slot_a],
            forward[slot_b] + backward[slot_b],
            forward[2:].sum() + backward[2:].sum(),
        ]
    ) / float(total)


def _bet(wealth: Floats, models: int, pair: tuple[int, int], outcome: Outcome, shares: Floats) -> None:
    """Multiplies the wealth of each bet that this vote concerns."""
    chose_a, chose_b = outcome is Outcome.A, outcome is Outcome.B
    neither = not (chose_a or chose_b)
    for model, happened, share in ((pair[0], chose_a, shares[0]), (pair[1], chose_b, shares[1])):
        wealth[model] *= _payoff(happened, share, FAVOUR_ODDS)
        wealth[models + model] *= _payoff(happened, share, 1 / FAVOUR_ODDS)
    for position, (happened, share) in enumerate(
        zip((chose_a, chose_b, neither), shares[2:], strict=True), start=2 * models
    ):
        wealth[position] *= _payoff(happened, share, FAVOUR_ODDS)


def _payoff(happened: bool, share: float, odds: float) -> float:
    """Returns the factor of a fair bet on odds that are `odds` times those of the others. Its mean is 1 for them."""
    total = share * odds + 1 - share
    return odds / total if happened else 1 / total
