"""Word, match and character error rates of a transcript against its reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


class Operation(Enum):
    """What happened to words of the reference. The names are those of the wire."""

    equal = "equal"
    substitute = "substitute"
    delete = "delete"
    insert = "insert"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of words with the same operation. `end` indexes are exclusive."""

    operation: Operation
    reference_start: int
    reference_end: int
    transcript_start: int
    transcript_end: int


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """How many units of the reference were hit, substituted or deleted, and how many were inserted."""

    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def reference_length(self) -> int:
        """The number of units in the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def error_rate(self) -> float | None:
        """Errors per unit of the reference, 0 or more; above 1 if much was inserted. None if the reference is empty."""
        return self.errors / self.reference_length if self.reference_length else None

    @property
    def match_error_rate(self) -> float | None:
        """The share of aligned units that are errors, 0 to 1 (Morris et al. 2004). None if the reference is empty."""
        return self.errors / (self.errors + self.hits) if self.reference_length else None


@dataclass(frozen=True, slots=True)
class WordErrors:
    """The errors of one transcript. Rates are None if the reference is empty."""

    words: ErrorCounts
    characters: ErrorCounts
    alignment: tuple[Span, ...]
    """Covers both texts from start to end. Neighbouring spans have different operations."""

    @property
    def word_error_rate(self) -> float | None:
        """(substitutions + deletions + insertions) / words of the reference."""
        return self.words.error_rate

    @property
    def match_error_rate(self) -> float | None:
        """The same errors as a share of all aligned words."""
        return self.words.match_error_rate

    @property
    def character_error_rate(self) -> float | None:
        """The errors of characters, spaces included, per character of the reference."""
        return self.characters.error_rate


def word_errors(reference: str, transcript: str) -> WordErrors:
    """Compares two normalized texts.

    Several alignments can have the fewest errors. They differ in their number of hits, and so in the match error rate.
    RapidFuzz chooses, as it does for jiwer 4.
    """
    # Imported here: the process that answers calls imports this module, and works without the package.
    from rapidfuzz.distance import Levenshtein

    words = Levenshtein.opcodes(reference.split(), transcript.split())
    spans = tuple(
        Span(
            Operation[one.tag if one.tag != "replace" else "substitute"],
            one.src_start,
            one.src_end,
            one.dest_start,
            one.dest_end,
        )
        for one in words
    )
    return WordErrors(_counts(spans), _character_counts(reference, transcript), spans)


def pooled(counts: Iterable[ErrorCounts]) -> ErrorCounts:
    """Returns the sums, from which the rates of a corpus are computed. A mean of rates would favour short texts."""
    sums = [0, 0, 0, 0]
    for one in counts:
        sums[0] += one.hits
        sums[1] += one.substitutions
        sums[2] += one.deletions
        sums[3] += one.insertions
    return ErrorCounts(*sums)


def _counts(spans: Sequence[Span]) -> ErrorCounts:
    lengths = dict.fromkeys(Operation, 0)
    for span in spans:
        lengths[span.operation] += max(
            span.reference_end - span.reference_start, span.transcript_end - span.transcript_start
        )
    return ErrorCounts(*(lengths[operation] for operation in Operation))


def _character_counts(reference: str, transcript: str) -> ErrorCounts:
    from rapidfuzz.distance import Levenshtein

    tags = Counter(one.tag for one in Levenshtein.editops(reference, transcript))
    hits = len(reference) - tags["replace"] - tags["delete"]
    return ErrorCounts(hits, tags["replace"], tags["delete"], tags["insert"])
