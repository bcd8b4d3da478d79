"""Text on share cards: what is drawn of it, and how much of it fits."""

import pytest

from services.shared.cards.fonts import bold, regular
from services.shared.cards.words import MAX_CHARACTERS, drawable, fitted, lines


def test_the_font_has_latin_greek_and_cyrillic_in_both_weights() -> None:
    text = "Zürich, Łódź, Hà Nội, Ελληνικά, Кириллица, 12–34 % · € … \ufffd"
    assert set(text) <= regular().advances.keys()
    assert regular().advances.keys() == bold().advances.keys()


def test_digits_have_one_width_so_that_columns_align() -> None:
    assert len({regular().advances[digit] for digit in "0123456789"}) == 1
    assert regular().width("1500", 20) == pytest.approx(4 * 20 * regular().advances["0"])


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Cartesia Sonic", "Cartesia Sonic"),
        ("e\u0301le\u0300ve", "élève"),
        ("שלום voice", "\ufffd voice"),
        ("日本語 and العربية", "\ufffd and \ufffd"),
        ("Fast 🚀 voice 👩‍🚀", "Fast voice"),
        ("a\u202eb\x1b[31mc\nd", "ab c d"),
        ("<script>alert('1')</script>", "<script>alert('1')</script>"),
        ("–", "–"),
        ("", ""),
    ],
)
def test_letters_of_other_scripts_get_a_sign_and_symbols_are_left_out(text: str, drawn: str) -> None:
    assert drawable(text) == drawn


@pytest.mark.parametrize("name", ["日本語", "🚀🚀", "!?", ""])
def test_a_name_without_a_letter_that_can_be_drawn_is_replaced(name: str) -> None:
    assert drawable(name, "mdl_1") == "mdl_1"


def test_a_long_text_is_cut_to_its_width_and_ends_with_an_ellipsis() -> None:
    font = bold()
    cut = fitted("W" * 200, font, 28, 300)
    assert cut == "W" * 11 + "…"
    assert font.width(cut, 28) <= 300 < font.width("W" + cut, 28)
    assert fitted("short", font, 28, 300) == "short"
    assert fitted("W", font, 28, 1) == "…"


def test_a_sentence_becomes_lines_of_which_the_last_is_cut() -> None:
    font = regular()
    text = "one two three four five six"
    assert lines(text, font, 20, font.width("one two three", 20), 2) == ["one two three", "four five six"]
    assert lines(text, font, 20, font.width("one two", 20), 2) == ["one two", "three f…"]
    assert lines("", font, 20, 100, 2) == []


def test_the_work_for_a_text_is_bounded() -> None:
    assert len(drawable("x" * 1_000_000)) == MAX_CHARACTERS
