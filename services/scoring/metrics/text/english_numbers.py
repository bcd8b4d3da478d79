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
from decimal import Decimal

_UNITS = {
    "zero": 0, "oh": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9,
}  # fmt: skip
_TEENS = {
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_REPEATS = {"double": 2, "triple": 3}
_ORDINALS = {
    "first": "one", "second": "two", "third": "three", "fourth": "four", "fifth": "five", "sixth": "six",
    "seventh": "seven", "eighth": "eight", "ninth": "nine", "twelfth": "twelve", "hundredth": "hundred",
    **{f"{word}th": word for word in (*_TEENS, *_SCALES)},
    **{f"{word[:-1]}ieth": word for word in _TENS},
}  # fmt: skip
_RARE_ORDINALS = {"first", "second"}
"""They count only after a number or a month, because alone they are mostly no numbers ("one second")."""
_DECADES = {f"{word[:-1]}ies": word for word in _TENS}
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
_GLUE = re.compile(r"[\s,-]+")


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
        if pieces[end - 1] in _DECADES:
            yield "s"
        index, month_before = end, False


def _run(pieces: Sequence[str], start: int, after_month: bool) -> tuple[list[str], int]:
    """Returns the numbers that follow each other at `start`, and the index after them. None if there is no number."""
    numbers: list[str] = []
    index = end = start
    while index < len(pieces):
        reader = _Reader(pieces, index, may_be_second=after_month and not numbers)
        digits = reader.number()
        if digits is None:
            break
        numbers.append(digits)
        index = end = reader.index
        while index < len(pieces) and _GLUE.fullmatch(pieces[index]):
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


class _Reader:
    """Reads one number from pieces of text. `index` is that of the next piece."""

    def __init__(self, pieces: Sequence[str], index: int, *, may_be_second: bool) -> None:
        self._pieces = pieces
        self.index = index
        self._may_be_second = may_be_second

    def number(self) -> str | None:
        """Returns the digits of the number at the index and moves behind it. None if there is no number."""
        word = self._word()
        if word in _REPEATS:
            return self._repeated(_REPEATS[word])
        if word is not None and word[0].isdigit():
            self._skip()
            return self._scaled(word)
        if word in ("zero", "oh"):
            self._skip()
            return self._with_decimals("0")
        value = self._cardinal()
        return None if value is None else self._with_decimals(str(value))

    def _word(self) -> str | None:
        return self._pieces[self.index] if self.index < len(self._pieces) else None

    def _skip(self) -> None:
        self.index += 1

    def _next(self) -> str | None:
        """Moves over glue to the next piece and returns it. None at the end."""
        while self.index < len(self._pieces) and _GLUE.fullmatch(self._pieces[self.index]):
            self.index += 1
        return self._word()

    def _repeated(self, times: int) -> str | None:
        before = self.index
        self._skip()
        word = self._next()
        if word in _UNITS or (word is not None and len(word) == 1 and word.isdigit()):
            self._skip()
            return str(_UNITS.get(word, word)) * times
        self.index = before
        return None

    def _cardinal(self) -> int | None:
        """Reads thousands, hundreds and the rest: each scale is smaller than the one before."""
        total, limit, found = 0, max(_SCALES.values()) * 1000, False
        while limit > 1:
            before = self.index
            if found and self._next() == "and":
                self._skip()
                self._next()
            group = self._hundreds(found)
            if group is None:
                self.index = before
                break
            after_group = self.index
            scale = _SCALES.get(self._ordinal_base(self._next()) or "", 1)
            if scale >= limit:
                self.index = before
                break
            if scale > 1:
                self._skip()
            else:
                self.index = after_group
            total, limit, found = total + group * scale, scale, True
        return total if found else None

    def _hundreds(self, continues: bool) -> int | None:
        """Reads a group below 1000, or up to 9900 as "ninety nine hundred"."""
        before = self.index
        word = self._word()
        if word == "a":
            self._skip()
            if self._ordinal_base(self._next()) in ("hundred", *_SCALES):
                value: int | None = 1
            else:
                value = None
        else:
            value = self._below_hundred(continues)
        if value is None:
            self.index = before
            return None
        after = self.index
        if value and self._ordinal_base(self._next()) == "hundred":
            self._skip()
            value *= 100
            after = self.index
            if self._next() == "and":
                self._skip()
                self._next()
            rest = self._below_hundred(continues=True)
            if rest:
                return value + rest
        self.index = after
        return value

    def _below_hundred(self, continues: bool) -> int | None:
        word = self._word()
        if word in _TENS or word in _DECADES or self._ordinal_base(word) in _TENS:
            ended = word not in _TENS
            tens = _TENS[word if word in _TENS else _DECADES.get(word or "") or _ORDINALS[word or ""]]
            self._skip()
            after = self.index
            unit = None if ended else self._ordinal_base(self._next())
            if unit is not None and (value := _UNITS.get(unit)):
                self._skip()
                return tens + value
            self.index = after
            return tens
        base = self._ordinal_base(word)
        if word in _RARE_ORDINALS and not (continues or self._may_be_second):
            return None
        value = _TEENS.get(base or "") or _UNITS.get(base or "")
        if not value:
            return None
        self._skip()
        return value

    @staticmethod
    def _ordinal_base(word: str | None) -> str | None:
        return None if word is None else _ORDINALS.get(word, word)

    def _with_decimals(self, whole: str) -> str:
        """Reads "point" and the digits after it, if there are any."""
        before = self.index
        if self._next() == "point":
            self._skip()
            digits = ""
            while True:
                after = self.index
                word = self._next()
                if word is None or not (word in _UNITS or word in _TEENS or word in _TENS or word.isdigit()):
                    self.index = after
                    break
                self._skip()
                digits += str(_UNITS.get(word, _TEENS.get(word, _TENS.get(word, word))))
            if digits:
                return self._scaled(f"{whole}.{digits}")
        self.index = before
        return whole

    def _scaled(self, digits: str) -> str:
        """Reads a scale behind digits: "2.5 million"."""
        before = self.index
        word = self._next()
        if word in _SCALES or word == "hundred":
            self._skip()
            value = Decimal(digits) * _SCALES.get(word, 100)
            return f"{value.normalize():f}"
        self.index = before
        return digits


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
