"""Reads and checks the scenarios that the installation brings."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from importlib import resources

from services.elo.scenarios.domain import Difficulty

BUILT_IN_CATEGORIES = (
    "customer_service",
    "sales",
    "support",
    "general",
    "medical",
    "financial",
    "technical_support",
    "adversarial",
)
"""The categories of the files in `texts`. Developers may add others."""
MIN_PER_CATEGORY = 12
"""With few scenarios no number of votes makes intervals narrow."""
LANGUAGE = "en"
MAX_SENTENCES = 3
MIN_CHARACTERS, MAX_CHARACTERS = 40, 240
"""Between about 3 and 20 seconds of speech."""

FIELDS = frozenset({"name", "description", "difficulty", "text"})
SENTENCE_END = re.compile(r"(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bSt)(?<!\bNo)[.!?](?=\s+[A-Z]|$)")
PHONE = re.compile(r"(?:\+1[ -])?(?:\b\d{3}[ -])?\b\d{3}[ -]\d{4}\b(?!\s\d)")
FICTIONAL_PHONE = re.compile(r"555[ -]01\d\d$")
DOMAIN = re.compile(r"(?:@|https?://|www\.)([\w.-]+\w)")
RESERVED_DOMAIN = re.compile(r"(?:[\w-]+\.)*example\.(?:com|net|org)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltInScenario:
    """One text to speak. Its name is unique among the scenarios of the installation and identifies it."""

    name: str
    category: str
    description: str
    difficulty: Difficulty
    language: str
    ground_truth_transcript: str
    """The text, 1 to 3 sentences with at least one hard word, such as a number or a name."""


class InvalidScenario(ValueError):
    """A scenario in the files of the installation breaks a rule. The message names the scenario and the rule."""


def built_in_scenarios() -> tuple[BuiltInScenario, ...]:
    """Returns all scenarios of the installation, in the order of categories and files.

    Raises InvalidScenario if one breaks a rule: unique names, known fields, at least 12 per category, 1 to 3 sentences,
    40 to 240 characters, fictional phone numbers and reserved domains.
    """
    scenarios = tuple(scenario for category in BUILT_IN_CATEGORIES for scenario in _read(category))
    names = Counter(scenario.name.lower() for scenario in scenarios)
    for name, count in names.items():
        if count > 1:
            raise InvalidScenario(f"{name}: the name must be unique, but {count} scenarios have it")
    return scenarios


def parse_scenarios(category: str, toml: str) -> list[BuiltInScenario]:
    """Returns the scenarios of one file. Raises InvalidScenario if one breaks a rule."""
    found = [_scenario(category, table) for table in tomllib.loads(toml).get("scenario", [])]
    if len(found) < MIN_PER_CATEGORY:
        raise InvalidScenario(f"{category}: there must be at least {MIN_PER_CATEGORY} scenarios, got {len(found)}")
    return found


def check_text(text: str) -> str:
    """Returns the rule that a text breaks. Empty if it breaks none."""
    if not MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
        return f"the text must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters, got {len(text)}"
    if text != " ".join(text.split()):
        return "the text must have single spaces only"
    sentences = len(SENTENCE_END.findall(text))
    if not 1 <= sentences <= MAX_SENTENCES:
        return f"the text must have 1 to {MAX_SENTENCES} sentences, got {sentences}"
    for phone in PHONE.findall(text):
        if not FICTIONAL_PHONE.search(phone):
            return f"phone numbers must end with 555-0100 to 555-0199, got {phone}"
    for domain in DOMAIN.findall(text):
        if not RESERVED_DOMAIN.fullmatch(domain):
            return f"domains must be example.com, example.net or example.org, got {domain}"
    return ""


def _read(category: str) -> list[BuiltInScenario]:
    file = resources.files(__package__) / "texts" / f"{category}.toml"
    return parse_scenarios(category, file.read_text(encoding="utf-8"))


def _scenario(category: str, table: dict[str, str]) -> BuiltInScenario:
    name = table.get("name", "")
    if set(table) != FIELDS or not all(isinstance(value, str) and value.strip() for value in table.values()):
        raise InvalidScenario(
            f"{category}, {name or 'unnamed'}: it must have {', '.join(sorted(FIELDS))}, all not empty"
        )
    if table["difficulty"] not in set(Difficulty):
        raise InvalidScenario(f"{category}, {name}: difficulty must be easy, medium or hard, got {table['difficulty']}")
    if broken := check_text(table["text"]):
        raise InvalidScenario(f"{category}, {name}: {broken}")
    return BuiltInScenario(
        name=name,
        category=category,
        description=table["description"],
        difficulty=Difficulty(table["difficulty"]),
        language=LANGUAGE,
        ground_truth_transcript=table["text"],
    )
