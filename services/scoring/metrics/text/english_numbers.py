"""Writes the numbers in an English text as digits, however they were written or spoken.

"4 8 1 5", "four eight one five", "four thousand eight hundred fifteen" and "4815" all become "4815", so that a
transcript and its reference can be compared word by word. The rule was checked on 71 pairs of texts, 26 of them held
out (tests/vectors/metrics.json). It does not understand roman numerals, fractions, and letters that are spelled one by
one. Numbers that follow each other join into one, so "4, 8, 15" equals "48, 15".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from services.scoring.metrics.text.number_words import DECADES, GLUE, NumberReader

MIN_NUMBERS_AFTER_OH = 3
"""An "oh" at the start of fewer numbers is an exclamation."""
_CURRENCIES = {"$": "dollar", "€": "euro", "£": "pound"}
_CURRENCY_WORDS = {form: word for word in _CURRENCIES.values() for form in (word, f"{word}s")}
_CENTS = {"cent", "cents", "penny", "pence"}
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MEASURES = {
    form: short
    for word, short in {
        "kilogram": "kg", "gram": "g", "milligram": "mg", "kilometer": "km", "kilometre": "km", "centimeter": "cm",
        "centimetre": "cm", "millimeter": "mm", "millimetre": "mm", "milliliter": "ml", "millilitre": "ml",
    }.items()
    for form in (word, f"{word}s")
}  # fmt: skip

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
URL = re.compile(
    r"(?:https?://|\bwww\.)[^\s,;]*[\w/]|\b[\w-]+\.(?:com|org|net|io|dev|ai|edu|gov)\b(?:/[\w/.-]*\w)?", re.I
)
_ADDRESS_SIGNS = {"@": "at", ".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon"}
_BRACKETS_WITH_DIGITS = re.compile(r"[(\[]([^()\[\]]*\d[^()\[\]]*)[)\]]")
_DATE = re.compile(r"\b(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])/(\d{4}|\d\d)\b")
_TIME = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)\b")
_AMOUNT = re.compile(r"([$€£])\s?(\d[\d,]*(?:\.\d+)?(?:\s+(?:thousand|million|billion|trillion)\b)?)")
_MINUS = re.compile(r"(?<!\S)-(?=\d)")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)")
_ORDINAL_DIGITS = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b")
_PIECE = re.compile(r"\d+\.\d+|\d+|[^\W\d_]+(?:['’][^\W\d_]+)*|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Number:
    """A number with its digits as they are written, such as `0070` or `12.50`."""

    digits: str


def with_digits(text: str, shield: Callable[[str], str] = str) -> str:
    """Returns the text in lower case with its numbers as digits.

    Signs that are read aloud become words first: those of addresses, currencies, percent, dates and times. `shield`
    says how to write the digits of each number. A lone "1" or "one" stays as it is.
    """
    pieces = _PIECE.findall(_read_aloud(text.lower()))
    parts = _with_units(list(_numbers(pieces)))
    return "".join(f" {shield(part.digits)} " if isinstance(part, _Number) else part for part in parts)


def _read_aloud(text: str) -> str:
    """Replaces signs by the words and numbers that a reader says."""
    for address in (EMAIL, URL):
        text = address.sub(lambda match: _spelled(match[0]), text)
    text = _BRACKETS_WITH_DIGITS.sub(r" \1 ", text)
    text = _DATE.sub(lambda match: f"{_MONTHS[int(match[1]) - 1]} {int(match[2])} {match[3]}", text)
    text = _TIME.sub(lambda match: match[1] if match[2] == "00" else f"{match[1]} {match[2]}", text)
    text = _AMOUNT.sub(lambda match: f"{match[2]} {_CURRENCIES[match[1]]} ", text)
    text = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)
    text = _ORDINAL_DIGITS.sub(r"\1", text)
    text = _MINUS.sub("minus ", text)
    return text.replace("%", " percent ").replace("per cent", "percent")


def _spelled(address: str) -> str:
    return "".join(f" {_ADDRESS_SIGNS[sign]} " if sign in _ADDRESS_SIGNS else sign for sign in address)


def _numbers(pieces: Sequence[str]) -> Iterator[str | _Number]:
    """Yields the pieces, with each run of numbers as one number (two where a decimal point forbids to join them)."""
    index, month_before = 0, False
    while index < len(pieces):
        run, end = _run(pieces, index, month_before)
        if not run:
            yield pieces[index]
            if not pieces[index].isspace():
                month_before = pieces[index] in _MONTHS
            index += 1
            continue
        yield from _joined(run)
        if pieces[end - 1] in DECADES:
            yield "s"
        index, month_before = end, False


def _run(pieces: Sequence[str], start: int, after_month: bool) -> tuple[list[str], int]:
    """Returns the numbers that follow each other at `start`, and the index after them. None if there is no number."""
    numbers: list[str] = []
    index = end = start
    while index < len(pieces):
        reader = NumberReader(pieces, index, may_be_second=after_month and not numbers)
        digits = reader.number()
        if digits is None:
            break
        numbers.append(digits)
        index = end = reader.index
        while index < len(pieces) and GLUE.fullmatch(pieces[index]):
            index += 1
    starts_with_oh = pieces[start] == "oh" and len(numbers) < MIN_NUMBERS_AFTER_OH
    if starts_with_oh or (end == start + 1 and pieces[start] in ("one", "1")):
        return [], start
    return numbers, end


def _joined(numbers: Sequence[str]) -> Iterator[_Number]:
    whole = ""
    for digits in numbers:
        if "." not in digits:
            whole += digits
            continue
        if whole:
            yield _Number(whole)
            whole = ""
        yield _Number(digits)
    if whole:
        yield _Number(whole)


def _with_units(parts: list[str | _Number]) -> Iterator[str | _Number]:
    """Yields the parts with the units behind numbers in one form: `12.50 dollar`, `5 kg`, `730 pm`."""
    index = 0
    while index < len(parts):
        part = parts[index]
        index += 1
        if not isinstance(part, _Number):
            yield part
            continue
        words, ends = _following(parts, index)
        if words[:1] and words[0] in _CURRENCY_WORDS:
            digits, index = _amount(part.digits, parts, ends[0])
            yield _Number(digits)
            yield _CURRENCY_WORDS[words[0]]
            continue
        yield part
        if words[:1] and words[0] in _MEASURES:
            yield _MEASURES[words[0]]
            index = ends[0]
        elif words[:1] in (["o'clock"], ["o’clock"]):
            index = ends[0]
        elif "".join(words)[:2] in ("am", "pm") and words[0] in ("a", "p", "am", "pm"):
            short = words[0] in ("am", "pm")
            yield words[0] if short else f"{words[0]}m"
            index = ends[0] if short else ends[1]
            if index < len(parts) and parts[index] == "." and not short:
                index += 1


def _following(parts: Sequence[str | _Number], index: int) -> tuple[list[str], list[int]]:
    """Returns the next words, at most two, and the index after each. Dots and glue between them are passed over."""
    words: list[str] = []
    ends: list[int] = []
    while index < len(parts) and len(words) < 2:
        part = parts[index]
        if isinstance(part, _Number):
            break
        index += 1
        if part[0].isalpha():
            words.append(part)
            ends.append(index)
        elif not (part.isspace() or part == "-" or (part == "." and words)):
            break
    return words, ends


def _amount(digits: str, parts: Sequence[str | _Number], index: int) -> tuple[str, int]:
    """Returns the digits of an amount with its cents, if any follow, and the index after it."""
    whole, _, cents = digits.partition(".")
    if cents:
        cents = cents.ljust(2, "0")
        return (whole if set(cents) == {"0"} else f"{whole}.{cents}"), index
    after, found = index, None
    while after < len(parts):
        part = parts[after]
        after += 1
        if isinstance(part, _Number):
            if found is not None or not part.digits.isdigit() or len(part.digits) > 2:
                break
            found = part.digits
        elif part in _CENTS and found is not None:
            return f"{whole}.{found.zfill(2)}", after
        elif not (part.isspace() or part == "and"):
            break
    return whole, index
