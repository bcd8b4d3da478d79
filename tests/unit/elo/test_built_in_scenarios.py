"""The scenarios that the installation brings."""

import re
from collections import Counter

import pytest

from services.elo.catalogue.domain import MAX_NAME_CHARACTERS
from services.elo.scenarios import BUILT_IN_CATEGORIES, BuiltInScenario, Difficulty, built_in_scenarios
from services.elo.scenarios.built_in import InvalidScenario, check_text, parse_scenarios
from services.experiments.domain import SCENARIOS
from services.scoring.metrics.text.hard_words import HardWordKind, hard_words

ALL = built_in_scenarios()
# Providers, and their models and voices that are not everyday words.
BRANDS = frozenset(
    {"alloy", "amazon", "andromeda", "apple", "asteria", "aura", "azure", "bella", "cartesia", "coral", "deepgram"}
    | {"eleven", "elevenlabs", "espeak", "fish", "flash", "flite", "gemini", "google", "hume", "inworld", "kokoro"}
    | {"lightning", "luna", "microsoft", "minimax", "moonshine", "murf", "nova", "onyx", "openai", "orion", "orpheus"}
    | {"piper", "playht", "polly", "sesame", "shimmer", "smallest", "sonic", "whisper", "zeus"}
)


def by_name(scenario: BuiltInScenario) -> str:
    """Returns the id of a test."""
    return scenario.name


def hard(scenario: BuiltInScenario) -> list[HardWordKind]:
    """Returns the kinds of the hard words of a scenario."""
    text = scenario.ground_truth_transcript
    return [word.kind for word in hard_words(text, text, scenario.language)]


def test_there_are_at_least_96_over_8_categories() -> None:
    assert len(ALL) >= 96
    counts = Counter(scenario.category for scenario in ALL)
    assert tuple(counts) == BUILT_IN_CATEGORIES
    assert len(BUILT_IN_CATEGORIES) == 8
    assert min(counts.values()) >= 12


def test_categories_are_those_of_battles_and_of_english_experiments() -> None:
    assert {"customer_service", "sales", "support"} <= set(BUILT_IN_CATEGORIES)
    # customer_service is what experiments call customer_support. All texts are English.
    assert set(SCENARIOS) - {"customer_support", "multilingual"} <= set(BUILT_IN_CATEGORIES)


def test_each_category_has_every_difficulty_in_equal_parts() -> None:
    counts = Counter((scenario.category, scenario.difficulty) for scenario in ALL)
    assert set(counts.values()) == {4}
    assert len(counts) == len(BUILT_IN_CATEGORIES) * len(Difficulty)


def test_names_and_texts_are_unique() -> None:
    assert len({scenario.name.lower() for scenario in ALL}) == len(ALL)
    assert len({scenario.ground_truth_transcript for scenario in ALL}) == len(ALL)


@pytest.mark.parametrize("scenario", ALL, ids=by_name)
def test_each_has_hard_words_that_a_perfect_reading_gets_right(scenario: BuiltInScenario) -> None:
    text = scenario.ground_truth_transcript
    found = hard_words(text, text, scenario.language)
    assert found
    assert [word.text for word in found if not word.exact] == []
    assert len(scenario.name) <= MAX_NAME_CHARACTERS


def test_every_kind_of_hard_word_occurs_several_times() -> None:
    counts = Counter(kind for scenario in ALL for kind in set(hard(scenario)))
    assert set(counts) == set(HardWordKind)
    assert min(counts.values()) >= 4


def test_harder_scenarios_have_more_hard_words() -> None:
    means = [
        sum(len(hard(scenario)) for scenario in ALL if scenario.difficulty is difficulty) for difficulty in Difficulty
    ]
    assert means == sorted(means)


@pytest.mark.parametrize("scenario", ALL, ids=by_name)
def test_none_names_a_provider_a_model_or_a_voice(scenario: BuiltInScenario) -> None:
    words = set(re.findall(r"\w+", f"{scenario.name} {scenario.ground_truth_transcript}".lower()))
    assert words.isdisjoint(BRANDS)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Call us.", "40 to 240 characters, got 8"),
        ("Word " * 50 + ".", "40 to 240 characters, got 251"),
        ("There are two  spaces between these words, sadly.", "single spaces only"),
        ("This text has no end and so it is not a sentence", "1 to 3 sentences, got 0"),
        ("One sentence here. Two of them. Three of them. Four of them.", "1 to 3 sentences, got 4"),
        ("Please call us tomorrow morning at 555-0200.", "555-0100 to 555-0199, got 555-0200"),
        ("Please call us tomorrow morning at +1 202 456 1111.", "got +1 202 456 1111"),
        ("Please write to the team at help@gmail.com today.", "example.com, example.net or example.org, got gmail.com"),
        ("You find all of it at https://voices.io/free now.", "got voices.io"),
    ],
)
def test_a_text_that_breaks_a_rule_is_refused_with_the_rule(text: str, rule: str) -> None:
    assert rule in check_text(text)


def test_titles_do_not_end_sentences() -> None:
    assert check_text("Dr. Osei and Mrs. Hale met Mr. Ode. They talked to Ms. Kane. It was late.") == ""


def toml(count: int, **changes: str) -> str:
    """Returns a file with some scenarios, of which the last one is changed."""
    fields = {
        "name": "A name",
        "description": "A text.",
        "difficulty": "easy",
        "text": "It costs 12 dollars and takes 3 days to arrive.",
    }
    tables = [fields] * (count - 1) + [{**fields, **changes}]
    return "\n".join(
        "[[scenario]]\n" + "\n".join(f'{key} = "{value}"' for key, value in table.items()) for table in tables
    )


def test_a_file_with_valid_scenarios_is_read() -> None:
    assert len(parse_scenarios("sales", toml(12))) == 12


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (toml(11), "sales: there must be at least 12 scenarios, got 11"),
        (toml(12, difficulty="extreme"), "difficulty must be easy, medium or hard, got extreme"),
        (toml(12, voice="any"), "it must have description, difficulty, name, text"),
        (toml(12, name=" "), "all not empty"),
        (toml(12, text="Too short."), "sales, A name: the text must have"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(file: str, message: str) -> None:
    with pytest.raises(InvalidScenario, match=re.escape(message)):
        parse_scenarios("sales", file)
