"""Whether a voter passes control battles: comparisons whose right answer is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.elo.battles.domain import Control
from services.shared.listening.domain import Preference

MISS_PROBABILITIES = {Control.GOLD: 0.1, Control.TRAP: 0.5}
"""How often people who listen miss at most. Many hear a difference between two clips of the same recording."""
MAX_CHANCE = 0.001
"""A voter who listens fails with this probability at most."""


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """The answer of a voter in a control battle."""

    control: Control
    expected: Preference | None
    """The side that is not spoiled. None in a trap, whose sides are the same recording."""
    given: Preference

    @property
    def proves_nothing(self) -> bool:
        """Whether nobody can say if it is right: a voter may find both sides of a gold battle bad."""
        return self.control is Control.GOLD and self.given is Preference.BOTH_BAD

    @property
    def missed(self) -> bool:
        """Whether the answer is wrong."""
        if self.control is Control.TRAP:
            return self.given in (Preference.FIRST, Preference.SECOND)
        return self.given is not self.expected


def failed(answers: Sequence[ControlAnswer]) -> bool:
    """Returns whether a voter who listens would give so many wrong answers with a probability under MAX_CHANCE."""
    judged = [answer for answer in answers if not answer.proves_nothing]
    misses = sum(answer.missed for answer in judged)
    return chance_of_misses([MISS_PROBABILITIES[answer.control] for answer in judged], misses) < MAX_CHANCE


def chance_of_misses(probabilities: Iterable[float], at_least: int) -> float:
    """Returns the probability of at least this many misses, where each answer has its own probability.

    The number of misses has the Poisson binomial distribution: the binomial one if all probabilities are equal.
    """
    exactly = [1.0]
    for p in probabilities:
        exactly = [one * (1 - p) + before * p for one, before in zip([*exactly, 0.0], [0.0, *exactly], strict=True)]
    return sum(exactly[at_least:])
