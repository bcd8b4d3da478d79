"""Hard words: whether numbers, amounts, dates, addresses and names came through exactly.

A single wrong digit hardly moves a word error rate and not at all a score of meaning, but it makes a phone number
useless. So each such span of the reference is checked alone.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from services.scoring.metrics.text.english_numbers import EMAIL, URL
from services.scoring.metrics.text.normalization import normalize
from services.scoring.metrics.text.word_errors import Operation, word_errors

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_SCALE = r"(?:\s(?:thousand|million|billion|trillion)\b)?"
_HALF_DAY = r"\s?[AaPp]\.?\s?[Mm]\b\.?"


class HardWordKind(Enum):
    """What kind of hard word it is, in order of precedence. The names are those of the wire."""

    email = "email"
    url = "url"
    amount = "amount"
    percent = "percent"
    phone = "phone"
    date = "date"
    time = "time"
    code = "code"
    number = "number"
    name = "name"


_PATTERNS = {
    HardWordKind.email: EMAIL,
    HardWordKind.url: URL,
    HardWordKind.amount: re.compile(
        rf"[$€£]\s?\d[\d,]*(?:\.\d+)?{_SCALE}|\b\d[\d,]*(?:\.\d+)?{_SCALE}\s(?:dollars?|euros?|pounds?|cents?)\b"
    ),
    HardWordKind.percent: re.compile(r"\b\d[\d,]*(?:\.\d+)?\s?(?:%|percent\b)"),
    HardWordKind.phone: re.compile(
        r"(?:\+?\d{1,3}[ .-])?\(?\b\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b|(?<![\d-])\b\d{3}-\d{4}\b|\+\d[\d ]{6,}\d"
    ),
    HardWordKind.date: re.compile(
        rf"\b\d{{1,2}}/\d{{1,2}}/(?:\d{{4}}|\d\d)\b|\b\d{{4}}-\d\d-\d\d\b|\b{_MONTH}\s{_DAY}\b(?:,?\s\d{{4}}\b)?"
        rf"|\b{_DAY}\s(?:of\s)?{_MONTH}(?:,?\s\d{{4}}\b)?|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
    ),
    HardWordKind.time: re.compile(rf"\b\d{{1,2}}:\d\d(?::\d\d)?(?:\.\d+)?(?:{_HALF_DAY})?|\b\d{{1,2}}{_HALF_DAY}"),
    HardWordKind.code: re.compile(
        r"\b(?!\d+(?:st|nd|rd|th|s)\b)(?=[A-Za-z-]*\d)(?=[\d-]*[A-Za-z])[A-Za-z\d]+(?:-[A-Za-z\d]+)*\b"
    ),
    HardWordKind.number: re.compile(rf"\b\d[\d,]*(?:\.\d+)?{_SCALE}"),
    # Capitalized words that do not begin a sentence. "I" is no name.
    HardWordKind.name: re.compile(
        r"(?<![.!?:]\s)(?<![.!?:]\s[\"'“(])(?<!^)(?<=\s)(?!I\b)[A-Z][\w'’-]*(?:\s(?!I\b)[A-Z][\w'’-]*)*"
    ),
}


@dataclass(frozen=True, slots=True)
class HardWord:
    """A span of the reference and what the transcript has in its place."""

    kind: HardWordKind
    text: str
    """The span as it stands in the reference."""
    canonical: str
    """The span, normalized."""
    heard: str
    """The words of the transcript that are aligned to it, normalized. Empty if there are none."""
    exact: bool
    """Whether they are the same, apart from spaces."""


def hard_words(reference: str, transcript: str, language: str, names: Iterable[str] = ()) -> list[HardWord]:
    """Returns the hard words of a reference in order, each compared with the transcript.

    Both texts are as written. `names` are words or phrases that are hard words as well, such as brand names.
    """
    spans = _joined(reference, _find(reference, names), language)
    words, places = _with_places(reference, spans, language)
    heard = normalize(transcript, language).split()
    alignment = _Alignment(words, heard)
    return [
        _compared(kind, reference[start:end], words[place], alignment.counterpart(place), heard)
        for (kind, start, end), place in zip(spans, places, strict=True)
    ]


def accuracy(words: Sequence[HardWord]) -> float | None:
    """Returns the share of hard words that are exact, 0 to 1. None if there are none."""
    return sum(word.exact for word in words) / len(words) if words else None


def _find(reference: str, names: Iterable[str]) -> list[tuple[HardWordKind, int, int]]:
    """Returns the kind, start and end of each hard word. A kind that comes first keeps what it found."""
    found: list[tuple[HardWordKind, int, int]] = []
    given = [re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE) for name in names if name.strip()]
    for kind, pattern in [(HardWordKind.name, one) for one in given] + list(_PATTERNS.items()):
        for match in pattern.finditer(reference):
            start, end = match.span()
            if all(end <= other_start or other_end <= start for _, other_start, other_end in found):
                found.append((kind, start, end))
    return sorted(found, key=lambda one: one[1])


def _joined(
    reference: str, spans: Sequence[tuple[HardWordKind, int, int]], language: str
) -> list[tuple[HardWordKind, int, int]]:
    """Makes one span of neighbours that normalization joins, such as the groups of digits of an account number."""
    joined: list[tuple[HardWordKind, int, int]] = []
    for kind, start, end in spans:
        if joined and not any(character.isalnum() for character in reference[joined[-1][2] : start]):
            _, first, middle = joined[-1]
            apart = [
                *normalize(reference[first:middle], language).split(),
                *normalize(reference[start:end], language).split(),
            ]
            if normalize(reference[first:end], language).split() != apart:
                joined[-1] = (HardWordKind.number, first, end)
                continue
        joined.append((kind, start, end))
    return joined


def _with_places(
    reference: str, spans: Sequence[tuple[HardWordKind, int, int]], language: str
) -> tuple[list[str], list[slice]]:
    """Normalizes the reference and returns its words and the place of each span among them.

    The text between the spans is normalized apart, so that the numbers of a span do not join with others.
    """
    words: list[str] = []
    places: list[slice] = []
    done = 0
    for _, start, end in spans:
        words += normalize(reference[done:start], language).split()
        span = normalize(reference[start:end], language).split()
        places.append(slice(len(words), len(words) + len(span)))
        words += span
        done = end
    return words + normalize(reference[done:], language).split(), places


class _Alignment:
    """Which words of the transcript stand for which words of the reference."""

    def __init__(self, reference: Sequence[str], transcript: Sequence[str]) -> None:
        self._pairs: list[tuple[int, int]] = []
        for span in word_errors(" ".join(reference), " ".join(transcript)).alignment:
            if span.operation in (Operation.equal, Operation.substitute):
                self._pairs += zip(
                    range(span.reference_start, span.reference_end),
                    range(span.transcript_start, span.transcript_end),
                    strict=True,
                )
        self._length = len(transcript)

    def counterpart(self, place: slice) -> tuple[int, int, int, int]:
        """Returns where the counterpart of a place can start at the earliest, where it starts and ends, and the latest
        end. Insertions at its borders belong to it or not."""
        first, last = (bisect_left(self._pairs, (index, -1)) for index in (place.start, place.stop))
        earliest = self._pairs[first - 1][1] + 1 if first else 0
        latest = self._pairs[last][1] if last < len(self._pairs) else self._length
        if first == last:
            return earliest, earliest, earliest, latest
        return earliest, self._pairs[first][1], self._pairs[last - 1][1] + 1, latest


def _compared(
    kind: HardWordKind,
    text: str,
    canonical: Sequence[str],
    counterpart: tuple[int, int, int, int],
    heard: Sequence[str],
) -> HardWord:
    earliest, start, end, latest = counterpart
    accepted = {"".join(canonical)}
    if kind is HardWordKind.amount:
        # "twelve fifty" is a usual way to say $12.50.
        accepted.add("".join(character for character in "".join(canonical) if character.isdigit()))
    exact = any(
        "".join(heard[one:other]) in accepted
        for one in range(earliest, start + 1)
        for other in range(max(end, one), latest + 1)
    )
    return HardWord(kind, text, " ".join(canonical), " ".join(heard[start:end]), exact)
