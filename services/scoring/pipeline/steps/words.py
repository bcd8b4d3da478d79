"""The steps about words: transcription, alignment and word errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.scoring.backends.backend import Phrase, Transcript
from services.scoring.backends.choice import TRANSCRIPTION
from services.scoring.metrics.text import hard_words as hard_words_metric
from services.scoring.metrics.text.hard_words import HardWord, hard_words
from services.scoring.metrics.text.normalization import normalize
from services.scoring.metrics.text.speech_failures import SpeechFailure, TimedWord, find_failures
from services.scoring.metrics.text.word_errors import WordErrors, word_errors
from services.scoring.pipeline.step import Computed, Skipped
from services.scoring.pipeline.steps.sound import require_speech
from services.scoring.pipeline.work import Work

ESTIMATED_TIMES = "voicearena-estimated-times/1"
WORDS_BACKEND = "voicearena-words/1"
NO_REFERENCE = "There is no reference text to compare with."


@dataclass(frozen=True, slots=True)
class Alignment:
    """When each word is said."""

    words: tuple[TimedWord, ...]
    """As they are written in the transcript."""
    estimated: bool
    """Whether the times within phrases are estimates, because the recogniser gives times of phrases only."""


@dataclass(frozen=True, slots=True)
class WordErrorMetrics:
    """How the transcript differs from the reference."""

    errors: WordErrors
    """Of the normalized texts."""
    raw: WordErrors
    """Of the texts as written, in lower case and without punctuation, so with other ways to write numbers as errors."""
    reference_words: tuple[str, ...]
    transcript_words: tuple[str, ...]
    """The normalized words that `errors.alignment` refers to."""
    hard_words: tuple[HardWord, ...]
    hard_word_accuracy: float | None
    failures: tuple[SpeechFailure, ...]


def transcription(work: Work) -> Computed:
    """Writes down what is said."""
    require_speech(work)
    backend = work.backends.get(TRANSCRIPTION)
    language = work.options.language.partition("-")[0].lower()
    languages = backend.capabilities.languages
    if languages is not None and language not in languages:
        known = ", ".join(sorted(languages))
        raise Skipped(f"The installed recogniser knows the languages {known}, not {work.options.language}.")
    (transcript,) = backend.transcribe([work.samples], language)
    return Computed(transcript, backend.backend)


def alignment(work: Work) -> Computed:
    """Takes the times of words from the recogniser. If it has none, spreads words over speech by their length."""
    transcript: Transcript = work.results["transcription"]
    if transcript.phrases and all(phrase.words for phrase in transcript.phrases):
        words = [TimedWord(one.text, one.start, one.end) for phrase in transcript.phrases for one in phrase.words]
        return Computed(Alignment(tuple(words), estimated=False), work.backends.get(TRANSCRIPTION).backend)
    spans = work.results["speech_activity"].spans
    words = [word for phrase in transcript.phrases for word in timed_words(phrase, spans)]
    return Computed(Alignment(tuple(words), estimated=True), ESTIMATED_TIMES)


def timed_words(phrase: Phrase, speech: Sequence[tuple[float, float]]) -> list[TimedWord]:
    """Returns the words of a phrase with times that are in proportion to their letters, pauses left out."""
    words = phrase.text.split()
    spans = [
        (max(start, phrase.start), min(end, phrase.end))
        for start, end in speech
        if end > phrase.start and start < phrase.end
    ] or [(phrase.start, phrase.end)]
    spoken = sum(end - start for start, end in spans)
    weights = [len(word) + 1 for word in words]
    timed, done = [], 0
    for word, weight in zip(words, weights, strict=True):
        start = _at(done / sum(weights) * spoken, spans, at_start=True)
        done += weight
        end = _at(done / sum(weights) * spoken, spans, at_start=False)
        timed.append(TimedWord(word, start, end))
    return timed


def _at(offset: float, spans: Sequence[tuple[float, float]], *, at_start: bool) -> float:
    """Returns the time at which `offset` seconds have been spoken. At a pause, it is the pause's end or its start."""
    for start, end in spans:
        length = end - start
        if offset < length or (offset == length and not at_start):
            return start + offset
        offset -= length
    return spans[-1][1]


def word_errors_step(work: Work) -> Computed:
    """Compares the transcript with the reference text."""
    if not work.options.reference_text.strip():
        raise Skipped(NO_REFERENCE)
    transcript: Transcript = work.results["transcription"]
    aligned: Alignment = work.results["alignment"]
    reference = normalize(work.options.reference_text, transcript.language)
    if not reference:
        raise Skipped("The reference text has no words.")
    spoken = normalize(transcript.text, transcript.language)
    exact = hard_words(work.options.reference_text, transcript.text, transcript.language, work.options.names)
    found = WordErrorMetrics(
        errors=word_errors(reference, spoken),
        raw=word_errors(normalize(work.options.reference_text, "und"), normalize(transcript.text, "und")),
        reference_words=tuple(reference.split()),
        transcript_words=tuple(spoken.split()),
        hard_words=tuple(exact),
        hard_word_accuracy=hard_words_metric.accuracy(exact),
        failures=tuple(
            find_failures(
                reference.split(), _normalized(aligned.words, transcript.language), work.audio.duration_seconds
            )
        ),
    )
    return Computed(found, WORDS_BACKEND)


def _normalized(words: Sequence[TimedWord], language: str) -> list[TimedWord]:
    """Normalizes a whole transcript and gives each normalized word the times of the words it came from."""
    normal = normalize(" ".join(word.text for word in words), language).split()
    if len(normal) == len(words):
        return [TimedWord(text, word.start, word.end) for text, word in zip(normal, words, strict=True)]
    # Numbers join and contractions split, so the words are matched by the letters before them.
    letters = [0]
    for word in words:
        letters.append(letters[-1] + len(word.text))
    total = sum(map(len, normal)) or 1
    timed, done = [], 0
    for text in normal:
        first = _index(done / total * letters[-1], letters)
        done += len(text)
        last = _index(done / total * letters[-1] - 1e-9, letters)
        timed.append(TimedWord(text, words[first].start, words[last].end))
    return timed


def _index(position: float, letters: Sequence[int]) -> int:
    return next((i for i, end in enumerate(letters[1:]) if position < end), len(letters) - 2)
