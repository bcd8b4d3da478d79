"""Reads numbers from English words: "four thousand eight hundred fifteen", "double seven", "two point five million"."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
DECADES = {f"{word[:-1]}ies": word for word in _TENS}
GLUE = re.compile(r"[\s,-]+")
"""What can stand between the words of one number."""


class NumberReader:
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
        while self.index < len(self._pieces) and GLUE.fullmatch(self._pieces[self.index]):
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
        if word in _TENS or word in DECADES or self._ordinal_base(word) in _TENS:
            ended = word not in _TENS
            tens = _TENS[word if word in _TENS else DECADES.get(word or "") or _ORDINALS[word or ""]]
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
