"""The diarization error rate: how wrong an assignment of speech to speakers is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.scoring.metrics.conversation.turns import Turn


@dataclass(frozen=True, slots=True)
class DiarizationErrors:
    """Errors in seconds of speech."""

    missed: float
    false_alarm: float
    confusion: float
    total: float
    """Speech of the reference; the time of two speakers counts twice."""

    @property
    def error_rate(self) -> float | None:
        """(missed + false alarm + confusion) / total, 0 or more. None if the reference has no speech."""
        return (self.missed + self.false_alarm + self.confusion) / self.total if self.total else None


def diarization_errors(
    reference: Sequence[Turn], found: Sequence[Turn], *, collar_seconds: float = 0.0, skip_overlap: bool = False
) -> DiarizationErrors:
    """Compares two diarizations, with the names of speakers mapped one to one so that the fewest errors remain.

    `collar_seconds` is the whole width that is left out around each edge of the reference, as in pyannote.metrics. So
    NIST's 0.25 s on each side is 0.5 here. `skip_overlap` leaves out the time with several speakers in the reference.
    """
    # Imported here: the process that answers calls imports this module, and scipy would take 70 MB of its memory.
    from scipy.optimize import linear_sum_assignment

    pieces = _pieces(reference, found, collar_seconds, skip_overlap)
    real = sorted({turn.speaker for turn in reference})
    guessed = sorted({turn.speaker for turn in found})
    together = np.zeros((len(real), len(guessed)))
    for seconds, speakers, others in pieces:
        for speaker in speakers:
            for other in others:
                together[real.index(speaker), guessed.index(other)] += seconds
    rows, columns = linear_sum_assignment(together, maximize=True)
    mapped = {guessed[column]: real[row] for row, column in zip(rows, columns, strict=True)}
    missed = false_alarm = confusion = total = 0.0
    for seconds, speakers, others in pieces:
        correct = len(speakers & {mapped[other] for other in others if other in mapped})
        missed += seconds * max(len(speakers) - len(others), 0)
        false_alarm += seconds * max(len(others) - len(speakers), 0)
        confusion += seconds * (min(len(speakers), len(others)) - correct)
        total += seconds * len(speakers)
    return DiarizationErrors(missed, false_alarm, confusion, total)


def _pieces(
    reference: Sequence[Turn], found: Sequence[Turn], collar_seconds: float, skip_overlap: bool
) -> list[tuple[float, set[str], set[str]]]:
    """Returns the spans in which nobody starts or stops: their length and who speaks in each diarization."""
    collars = [
        (edge - collar_seconds / 2, edge + collar_seconds / 2)
        for turn in reference
        for edge in (turn.start, turn.end)
        if collar_seconds
    ]
    edges = sorted(
        {edge for turn in (*reference, *found) for edge in (turn.start, turn.end)}
        | {edge for one in collars for edge in one}
    )
    pieces = []
    for start, end in itertools.pairwise(edges):
        middle = (start + end) / 2
        if any(low <= middle <= high for low, high in collars):
            continue
        speakers = {turn.speaker for turn in reference if turn.start <= middle < turn.end}
        others = {turn.speaker for turn in found if turn.start <= middle < turn.end}
        if (speakers or others) and not (skip_overlap and len(speakers) > 1):
            pieces.append((end - start, speakers, others))
    return pieces
