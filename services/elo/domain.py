"""Values that every subject of the elo service shares."""

import re
from enum import StrEnum

FIRST_RATING = 1500.0
INSTALLATION = ""
"""The owner of what no developer has made: discovered models, built-in scenarios, battles of the matchmaker.

As the owner of a board, it means the public board.
"""
# The shape of a BCP 47 tag: a language and subtags. The provider decides whether it speaks the language.
LANGUAGE = re.compile(r"(?=.{2,35}$)[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
LANGUAGE_RULE = "must be a BCP 47 tag of 2 to 35 characters, such as en or pt-BR"


class Visibility(StrEnum):
    """Who can see a model, a scenario or a battle. The values are those in the API."""

    PUBLIC = "public"
    PRIVATE = "private"


class ModelKind(StrEnum):
    """Where the speech of a voice model comes from. The values are those in the API."""

    TTS = "tts"
    """The mesh requests it from the provider."""
    RECORDED = "recorded"
    """Its owner uploads a recording for each scenario."""


def win_rate(wins: int, losses: int, ties: int) -> float | None:
    """Returns the share of votes that a model won, ties half, None without votes.

    Votes that neither was good are left out: they say nothing about which is better.
    """
    votes = wins + losses + ties
    return (wins + ties / 2) / votes if votes else None
