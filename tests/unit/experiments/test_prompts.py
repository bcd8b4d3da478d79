"""Which prompts are spoken alike."""

import pytest

from services.experiments.domain import first_equal_prompts, spoken_form

SAME = [
    ("Hello.", "Hello."),
    ("Hello.", "\u00a0hello. \n"),
    ("Hello there.", "Hello\t \u3000there."),
    ("Caf\u00e9", "CAFE\u0301"),
    ("\uff28\uff49", "Hi"),
    ("\ufb01ne", "FINE"),
    ("Stra\u00dfe", "STRASSE"),
    ("\u0130stanbul", "i\u0307stanbul"),
    ("H\u200be\u00adl\u2060lo", "Hello"),
    ("\ufeffHello\ufe0f", "Hello"),
    ("H\u0000\u001be\u0007llo", "Hello"),
    ("\u1e9b\u0323", "\u1e69"),
    ("\u03c2", "\u03a3"),
]
DIFFERENT = [
    ("Hello.", "Hello?"),
    ("Hello", "Hallo"),
    ("to day", "today"),
    ("cafe", "caf\u00e9"),
    ("1.5", "15"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_prompts_that_are_spoken_alike_are_equal(one: str, other: str) -> None:
    assert spoken_form(one) == spoken_form(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_prompts_that_are_spoken_differently_are_not_equal(one: str, other: str) -> None:
    assert spoken_form(one) != spoken_form(other)


def test_invisible_characters_are_removed() -> None:
    assert spoken_form("\u200b\u2060 \u00ad\t\ue000".replace("\ue000", "")) == ""


def test_each_prompt_has_the_index_of_the_first_equal_prompt() -> None:
    assert first_equal_prompts(["Hi.", "Ho.", "HI.", "ho. ", "Hey."]) == [0, 1, 0, 1, 4]


@pytest.mark.parametrize("text", ["\u1e9e", "\u0345", "\u01f0", "\uff21\u030a", "\u2126", "\ufdfa", "\u00aa\u200d"])
def test_folding_twice_changes_nothing(text: str) -> None:
    assert spoken_form(spoken_form(text)) == spoken_form(text)
