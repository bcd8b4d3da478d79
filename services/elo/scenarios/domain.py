"""Scenarios: texts that voices speak in battles, and how they change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.elo.domain import LANGUAGE, LANGUAGE_RULE, Visibility
from services.runtime.errors import WrongState
from services.runtime.validation import Validation

MAX_NAME_CHARACTERS = 200
MAX_CATEGORY_CHARACTERS = 50
MAX_DESCRIPTION_CHARACTERS = 2000
MAX_TEXT_CHARACTERS = 2000
"""About two minutes of speech."""
DEFAULT_LANGUAGE = "en"
CATEGORY = re.compile(rf"[a-z0-9_]{{1,{MAX_CATEGORY_CHARACTERS}}}")
CATEGORY_RULE = f"must have 1 to {MAX_CATEGORY_CHARACTERS} characters of a-z, 0-9 and _"
UPDATABLE = (
    "name",
    "category",
    "description",
    "difficulty",
    "language",
    "ground_truth_transcript",
    "visibility",
)
"""The paths allowed in update_mask."""
# What an operator approves. A change of any of them needs another approval.
APPROVED = ("name", "category", "description", "language", "ground_truth_transcript")
# What is spoken.
SPOKEN = ("language", "ground_truth_transcript")


class Difficulty(StrEnum):
    """How many hard words a text has, and how hard they are to speak. The values are those of the API."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A text, and the situation in which it is spoken."""

    id: str
    developer_id: str
    """INSTALLATION if it came with it."""
    name: str
    category: str
    description: str
    difficulty: Difficulty
    language: str
    """The BCP 47 tag of the text's language."""
    ground_truth_transcript: str
    """The text that is spoken."""
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    archived: bool = False
    built_in: str | None = None
    """The name of the built-in scenario whose current text this is. None for any other."""
    approved_at: datetime | None = None
    """When an operator approved it, None if none did."""
    first_battle_at: datetime | None = None
    """When its first battle was made, None before. Its text and language do not change after that."""
    battles: int = 0
    """Its battles that were decided."""
    votes: int = 0
    """Its counted votes of people."""
    ties: int = 0
    seq: int = 0

    @property
    def tie_share(self) -> float | None:
        """The share of its votes that are ties, None without votes."""
        return self.ties / self.votes if self.votes else None


def changed(before: Scenario, attributes: Mapping[str, Any], at: datetime) -> Scenario:
    """Returns a scenario with other attributes. A change of what was approved needs another approval.

    Raises WrongState if its first battle forbids the change: the battles of another text would count for it.
    """
    scenario = replace(before, **attributes, updated_at=at)
    if before.first_battle_at is not None:
        if any(getattr(scenario, name) != getattr(before, name) for name in SPOKEN):
            raise WrongState("The text and the language of a scenario stay after its first battle. Create another one.")
        if scenario.visibility is Visibility.PRIVATE and before.visibility is Visibility.PUBLIC:
            raise WrongState("A public scenario stays public after its first battle. Create a private one.")
    if any(getattr(scenario, name) != getattr(before, name) for name in APPROVED):
        scenario = replace(scenario, approved_at=None)
    return scenario


def check(scenario: Scenario, valid: Validation) -> None:
    """Adds a violation for each field with a value that no scenario may have."""
    valid.text(scenario.name, "name", max_characters=MAX_NAME_CHARACTERS)
    valid.require(
        bool(CATEGORY.fullmatch(scenario.category)),
        "category",
        CATEGORY_RULE,
    )
    valid.text(scenario.description, "description", max_characters=MAX_DESCRIPTION_CHARACTERS, min_characters=0)
    valid.require(
        bool(LANGUAGE.fullmatch(scenario.language)),
        "language",
        LANGUAGE_RULE,
    )
    text, field = scenario.ground_truth_transcript, "ground_truth_transcript"
    if valid.text(text, field, max_characters=MAX_TEXT_CHARACTERS):
        # Speech without a word would count against the reliability of every voice that was asked for it.
        valid.require(any(map(str.isalnum, text)), field, "must have a letter or a digit, so that it can be spoken")
