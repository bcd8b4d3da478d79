"""What listeners said, and how much of it could be chance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Answer(Enum):
    """Which of the two models of a pair a listener preferred, whichever side it was played on."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    BOTH_BAD = "both_bad"


@dataclass(frozen=True)
class Vote:
    """One listener's answer about one pair: two models on one prompt."""

    listener: str
    prompt_index: int
    first: int
    """Position of the first model in the experiment's models; below `second`."""
    second: int
    answer: Answer
