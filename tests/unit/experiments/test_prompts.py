"""Which prompts are one and the same."""

import pytest

from services.experiments.domain import comparable, units

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
def test_what_is_spoken_alike_is_the_same(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_is_spoken_unlike_is_not_the_same(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


def test_what_can_not_be_seen_is_nothing() -> None:
    assert comparable("\u200b\u2060 \u00ad\t\ue000".replace("\ue000", "")) == ""


def test_each_prompt_points_to_the_first_that_is_equal() -> None:
    assert units(["Hi.", "Ho.", "HI.", "ho. ", "Hey."]) == [0, 1, 0, 1, 4]


@pytest.mark.parametrize("text", ["\u1e9e", "\u0345", "\u01f0", "\uff21\u030a", "\u2126", "\ufdfa", "\u00aa\u200d"])
def test_folding_twice_changes_nothing(text: str) -> None:
    assert comparable(comparable(text)) == comparable(text)
