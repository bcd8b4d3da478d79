"""How text from outside is cleaned before it is stored, logged, sent or shown."""

import json

import pytest
import structlog

from services.runtime.outside_text import (
    decoded,
    first_control,
    first_line,
    for_log,
    is_identifier,
    one_line,
    without_unseen,
)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("as it is", "as it is"),
        ("Ünïcode 你好 ñ", "Ünïcode 你好 ñ"),
        ("quota\0 exceeded", "quota exceeded"),
        ("two\r\nlines\tand\u2028more\u2029", "two lines and more"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://example.com\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jcleared \x9dtitle\x9c", "cleared"),
        ("\x1b(Bcharset \x1bcreset", "charset reset"),
        ("\x1b]0;without an end", "0;without an end"),
        ("bell\x07 del\x7f back\x08", "bell del back"),
        ("half \ud83d of a pair \udc00", "half of a pair"),
        ("\u202egnp.exe\u202c \u2066isolated\u2069", "gnp.exe isolated"),
        ("\ufeffin\u200bvis\u00adib\u2060le\U000e0041", "invisible"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("ad\u200dmin\u200c", "admin"),
        ("z" + "\u0301" * 40 + "!", "z" + "\u0301" * 6 + "!"),
        (" \0\x1b\u200b ", ""),
    ],
)
def test_one_line_removes_terminal_sequences_hidden_characters_and_what_can_not_be_stored(
    text: str, cleaned: str
) -> None:
    assert one_line(text) == cleaned


def test_cleaned_text_can_be_encoded_and_cleaning_it_again_changes_nothing() -> None:
    everything = "".join(map(chr, [*range(0x3000), *range(0xD7F0, 0xE010), *range(0xFE00, 0x10100), 0xE0001, 0x10FFFF]))
    for start in range(0, len(everything), 100):
        cleaned = one_line(everything[start : start + 100])
        cleaned.encode()
        assert "\0" not in cleaned
        assert one_line(cleaned) == cleaned


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert one_line("a" * 10, 10) == "a" * 10
    assert one_line("abcd efgh ijkl", 10) == "abcd efgh…"
    assert one_line("é" * 1000, 10) == "é" * 9 + "…"


def test_only_the_beginning_of_a_very_long_text_is_read() -> None:
    assert one_line("\x1b]" * 5_000_000 + "x", 10) == ""


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfhi", "hi"),
        (b"caf\xe9", "caf\ufffd"),
        (b"\xed\xa0\x80", "\ufffd" * 3),
        (b"a\0b", "a\0b"),
        (b"", ""),
    ],
)
def test_any_bytes_can_be_decoded(content: bytes, text: str) -> None:
    assert decoded(content) == text


@pytest.mark.parametrize("value", ["alloy", "a" * 100, "你好", "en-us+f3", "A1/b:c", "e\u0301"])
def test_visible_characters_make_an_identifier(value: str) -> None:
    assert is_identifier(value, 100)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a" * 101,
        "a b",
        "a\0",
        "a\n",
        "a\u00a0b",
        "\u200ba",
        "a\u202eb",
        "\ud800",
        "a\x1b",
        "\ufeff",
        None,
        5,
        ["a"],
    ],
)
def test_any_other_value_is_no_identifier(value: object) -> None:
    assert not is_identifier(value, 100)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain\ttext\r\nof two lines\f\v\x85", ""),
        ("a\0b", "U+0000"),
        ("\x1b[0m", "U+001B"),
        ("x\x9b", "U+009B"),
        ("\x7f", "U+007F"),
    ],
)
def test_the_first_control_character_is_named_unless_it_is_white_space(text: str, found: str) -> None:
    assert first_control(text) == found


def test_every_nested_text_of_a_log_line_is_cleaned() -> None:
    line = {
        "reason": "a\x1b[2Jb\nc",
        "exception": [{"exc_value": "\ud800x", "frames": ({"line": 3},)}],
        "n": 1.5,
        "no": None,
    }
    assert for_log(line) == {
        "reason": "ab\nc".replace("ab", "a b"),
        "exception": [{"exc_value": "x", "frames": [{"line": 3}]}],
        "n": 1.5,
        "no": None,
    }


def test_a_text_in_a_log_line_has_a_maximum_length() -> None:
    cleaned = for_log("x" * 1_000_000)
    assert isinstance(cleaned, str)
    assert len(cleaned) == 2000


def test_the_services_log_cleaned_text(capfd: pytest.CaptureFixture[str]) -> None:
    from services.runtime import telemetry

    before = structlog.get_config()
    try:
        telemetry.start_logging("tts", "INFO")
        structlog.get_logger().info("said", reason="\x1b]0;x\x07evil\0\u202e")
    finally:
        structlog.configure(**before)
        structlog.contextvars.clear_contextvars()
    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line)["reason"] == "evil"


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("down", "down"),
        ("\n  down\nat line 3", "down"),
        ("\x1b[31mdown\x1b[0m", "down"),
        ("", "ValueError"),
        (" \n ", "ValueError"),
    ],
)
def test_the_first_line_of_an_error_is_its_message_or_its_class(message: str, line: str) -> None:
    assert first_line(ValueError(message)) == line


def test_invisible_characters_are_removed_and_white_space_stays() -> None:
    assert without_unseen("a\u200bb\u00adc\x00 d\te") == "abc d\te"
