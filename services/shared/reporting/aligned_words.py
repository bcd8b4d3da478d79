"""The words of a text beside those that were heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voicearena.scoring.v1.evaluation_metrics_pb2 import WordErrors


@dataclass(frozen=True)
class AlignedWord:
    """One column of the alignment. A word is empty if the other text has none in its place."""

    reference: str
    heard: str
    operation: str


def aligned_words(errors: WordErrors) -> Iterator[AlignedWord]:
    """Yields the columns of the alignment of reference and transcript."""
    for span in errors.alignment:
        operation = errors.Operation.Name(span.operation)
        for index in range(max(len(span.reference), len(span.transcript))):
            reference = span.reference[index] if index < len(span.reference) else ""
            heard = span.transcript[index] if index < len(span.transcript) else ""
            # In a replaced run of different lengths, the words without a partner are missing or additional.
            kind = operation if reference and heard else "delete" if reference else "insert"
            yield AlignedWord(reference, heard, kind)
