"""Failures of speech synthesis that a word error rate hides: repeated, skipped, cut-off and run-away speech.

The kinds and their importance are those of arXiv 2010.04301, section 3.3; the limits are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from services.scoring.metrics.text.word_errors import Operation, Span, word_errors

MAX_REPEATED_WORDS = 12
"""Longer runs that follow themselves are not looked for."""
MIN_RUN_AWAY_COPIES = 4
"""As many copies too many are a loop that does not stop."""
MIN_SKIPPED_WORDS = 3
"""Fewer deleted words in a row may be mistakes of the transcript."""
MIN_CUT_OFF_WORDS = 2
MAX_CUT_OFF_SILENCE_SECONDS = 0.15
"""A single missing last word counts as cut off if the audio ends this soon after the word before it."""
MIN_RUN_AWAY_WORDS = 3
"""Fewer words after the end of the reference may be mistakes of the transcript."""


class SpeechFailureKind(Enum):
    """How speech went wrong. The names are those of the wire."""

    repeated = "repeated"
    skipped = "skipped"
    cut_off = "cut_off"
    run_away = "run_away"


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A normalized word of the transcript and when it is spoken, in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class SpeechFailure:
    """One failure. Times are in seconds from the start of the recording."""

    kind: SpeechFailureKind
    words: tuple[str, ...]
    """The words that are repeated, missing or too many."""
    start: float
    end: float
    copies: int = 0
    """How many times a run is spoken instead of the times in the reference. 0 for other kinds."""


def find_failures(
    reference: Sequence[str], transcript: Sequence[TimedWord], duration_seconds: float
) -> list[SpeechFailure]:
    """Returns the failures in a transcript of normalized words, in order of time.

    Substituted words are no failure. Copies of a repeated run are removed before missing words are looked for.
    """
    kept, failures = _without_repeats(reference, list(transcript))
    spans = word_errors(" ".join(reference), " ".join(word.text for word in kept)).alignment
    for span in spans:
        if failure := _missing(span, reference, kept, duration_seconds) or _too_many(span, reference, kept):
            failures.append(failure)
    return sorted(failures, key=lambda failure: (failure.start, failure.end))


def _without_repeats(
    reference: Sequence[str], transcript: list[TimedWord]
) -> tuple[list[TimedWord], list[SpeechFailure]]:
    """Returns the transcript without copies that the reference does not have, and a failure for each run of copies."""
    failures = []
    for length in range(MAX_REPEATED_WORDS, 0, -1):
        start = 0
        while start + 2 * length <= len(transcript):
            words = [word.text for word in transcript]
            copies = 1 if _is_periodic(words[start : start + length]) else _copies(words, start, length)
            expected = _most_copies(reference, words[start : start + length]) if copies > 1 else copies
            # A run that the reference does not have at all is no repetition of it, but its copies are still too many.
            surplus = copies - max(expected, 1)
            if surplus <= 0:
                start += 1
                continue
            begin = start + (copies - surplus) * length
            repeated = transcript[begin : start + copies * length]
            kind = SpeechFailureKind.run_away if surplus >= MIN_RUN_AWAY_COPIES else SpeechFailureKind.repeated
            failures.append(
                SpeechFailure(kind, tuple(words[start : start + length]), repeated[0].start, repeated[-1].end, copies)
            )
            del transcript[begin : start + copies * length]
            start += 1
    return transcript, failures


def _copies(words: Sequence[str], start: int, length: int) -> int:
    """Returns how many times the run at `start` follows itself, 1 for no repetition."""
    run, copies = words[start : start + length], 1
    while words[start + copies * length : start + (copies + 1) * length] == run:
        copies += 1
    return copies


def _is_periodic(run: Sequence[str]) -> bool:
    """Returns whether a shorter run repeats in it; the copies are then those of the shorter run."""
    return any(len(run) % length == 0 and _copies(run, 0, length) * length == len(run) for length in range(1, len(run)))


def _most_copies(words: Sequence[str], run: Sequence[str]) -> int:
    return max(
        (
            _copies(words, start, len(run))
            for start in range(len(words))
            if list(words[start : start + len(run)]) == run
        ),
        default=0,
    )


def _missing(
    span: Span, reference: Sequence[str], transcript: Sequence[TimedWord], duration_seconds: float
) -> SpeechFailure | None:
    if span.operation is not Operation.delete:
        return None
    missing = tuple(reference[span.reference_start : span.reference_end])
    before = transcript[span.transcript_start - 1].end if span.transcript_start else 0.0
    if span.reference_end < len(reference):
        if len(missing) < MIN_SKIPPED_WORDS:
            return None
        return SpeechFailure(SpeechFailureKind.skipped, missing, before, transcript[span.transcript_start].start)
    if len(missing) >= MIN_CUT_OFF_WORDS or duration_seconds - before <= MAX_CUT_OFF_SILENCE_SECONDS:
        return SpeechFailure(SpeechFailureKind.cut_off, missing, before, duration_seconds)
    return None


def _too_many(span: Span, reference: Sequence[str], transcript: Sequence[TimedWord]) -> SpeechFailure | None:
    surplus = transcript[span.transcript_start : span.transcript_end]
    if (
        span.operation is not Operation.insert
        or span.reference_start < len(reference)
        or len(surplus) < MIN_RUN_AWAY_WORDS
    ):
        return None
    return SpeechFailure(
        SpeechFailureKind.run_away, tuple(word.text for word in surplus), surplus[0].start, surplus[-1].end
    )
