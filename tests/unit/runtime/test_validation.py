"""All violations of a request are reported together."""

import pytest

from services.runtime.errors import FieldViolation, InvalidInput
from services.runtime.validation import Validation


def faults(valid: Validation) -> list[tuple[str, str]]:
    return [(v.field, v.description) for v in valid.violations]


def test_all_violations_are_reported_together_and_in_order() -> None:
    valid = Validation()
    assert not valid.text("", "name", max_characters=5)
    assert not valid.one_of("sing", "mode", ("talk", "listen"))
    assert not valid.require(False, "count", "must be 1")
    assert valid.require(True, "size", "must be 2")
    with pytest.raises(InvalidInput) as raised:
        valid.finish()
    assert raised.value.violations == (
        FieldViolation("name", "must have 1 to 5 characters"),
        FieldViolation("mode", "must be one of talk, listen"),
        FieldViolation("count", "must be 1"),
    )


def test_a_valid_request_raises_nothing() -> None:
    valid = Validation()
    assert valid.text("abcde", "name", max_characters=5)
    assert valid.text("", "note", max_characters=5, min_characters=0)
    assert valid.text(" ", "note", max_characters=5, min_characters=0)
    assert valid.one_of("talk", "mode", ("talk",))
    valid.finish()
    assert valid.violations == []


@pytest.mark.parametrize(
    ("value", "min_characters", "description"),
    [
        ("abcdef", 1, "must have 1 to 5 characters, got 6"),
        ("abcdef", 0, "must have at most 5 characters, got 6"),
        ("a", 2, "must have 2 to 5 characters"),
        (" \t\n", 1, "must not be only white space"),
        ("a\0b", 1, "must not contain the character U+0000"),
        ("\0", 0, "must not contain the character U+0000"),
    ],
)
def test_a_text_has_at_most_one_violation(value: str, min_characters: int, description: str) -> None:
    valid = Validation()
    assert not valid.text(value, "name", max_characters=5, min_characters=min_characters)
    assert faults(valid) == [("name", description)]


def test_lengths_are_counted_in_characters_not_bytes() -> None:
    valid = Validation()
    assert valid.text("你好你好你", "name", max_characters=5)
