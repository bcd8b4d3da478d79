"""Moonshine: a small speech recogniser for English (arXiv 2410.15608)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from services.scoring.backends.backend import (
    RATE_HZ,
    BackendMissing,
    BackendSettings,
    ModelCapabilities,
    Phrase,
    Samples,
    Transcript,
    installed_version,
    missing_package,
)
from services.scoring.backends.listening.one_thread import loading_with
from services.scoring.backends.listening.silero import SileroActivity

MAX_PHRASE_SECONDS = 14.0
"""The library cuts at 15 s, wherever that is."""
CUT_SEARCH_SECONDS = 6.0
QUIET_SECONDS = 0.1
MAX_PAUSE_SECONDS = 0.6
"""A longer pause ends a phrase. The words around a shorter one help to understand each other."""
MARGIN_SECONDS = 0.2
"""Heard before and after a phrase, because its first and last sounds are weak. Not over other phrases."""


class MoonshineRecogniser:
    """Writes down English speech. It gives times of phrases, not of words.

    The library has a detector of speech of its own, which remembers the recordings before, so that the same recording
    could have another text. It is off, and phrases are cut here.
    """

    name = "moonshine"
    package = "moonshine-voice"
    capabilities = ModelCapabilities(licence="MIT", languages=frozenset({"en"}), window_seconds=30.0)

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        return missing_package(cls.package) or SileroActivity.missing(settings)

    def __init__(self, settings: BackendSettings) -> None:
        self.backend = f"moonshine-tiny-en/{self.package}-{installed_version(self.package)}"
        import moonshine_voice

        weights = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
        if not weights.is_dir():
            raise BackendMissing("The package moonshine-voice has no weights of tiny-en; version 0.1.0 has them.")
        self._activity = SileroActivity(settings)
        with loading_with(MOONSHINE_ORT_SINGLE_THREAD="1"):
            self._model = moonshine_voice.Transcriber(
                model_path=weights, model_arch=moonshine_voice.ModelArch.TINY, options={"vad_threshold": "0"}
            )

    def transcribe(self, recordings: Sequence[Samples], language: str | None) -> list[Transcript]:
        """Transcribes recordings one by one."""
        return [self._one(samples) for samples in recordings]

    def _one(self, samples: Samples) -> Transcript:
        found: list[Phrase] = []
        spans = list(phrases(samples, self._activity.speech(samples)))
        ends_before = [0.0, *(end for _, end in spans)]
        starts_after = [*(start for start, _ in spans[1:]), len(samples) / RATE_HZ]
        for (start, end), before, after in zip(spans, ends_before, starts_after, strict=False):
            piece = samples[_at(max(start - MARGIN_SECONDS, before)) : _at(min(end + MARGIN_SECONDS, after))]
            # The model takes a list of Python numbers, which needs ten times the memory of the samples.
            lines = self._model.transcribe_without_streaming(piece.tolist(), RATE_HZ).lines
            if text := " ".join(line.text.strip() for line in lines).strip():
                found.append(Phrase(text, start, end))
        return Transcript(" ".join(phrase.text for phrase in found), "en", tuple(found))


def phrases(samples: Samples, speech: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yields the starts and ends of phrases in seconds: speech that short pauses join, of at most MAX_PHRASE_SECONDS.

    Longer speech is cut at the quietest 0.1 s of the last 6 s.
    """
    joined: list[tuple[float, float]] = []
    for start, end in speech:
        if joined and start - joined[-1][1] <= MAX_PAUSE_SECONDS and end - joined[-1][0] <= MAX_PHRASE_SECONDS:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    for start, end in joined:
        while end - start > MAX_PHRASE_SECONDS:
            cut = _quietest(samples, start + MAX_PHRASE_SECONDS - CUT_SEARCH_SECONDS, start + MAX_PHRASE_SECONDS)
            yield start, cut
            start = cut
        yield start, end


def _quietest(samples: Samples, start: float, end: float) -> float:
    """Returns the middle of the quietest 0.1 s between two times."""
    quiet = round(QUIET_SECONDS * RATE_HZ)
    part = samples[_at(start) : _at(end)]
    frames = part[: len(part) // quiet * quiet].reshape(-1, quiet)
    return start + (int(np.argmin(np.square(frames).sum(axis=1))) + 0.5) * QUIET_SECONDS


def _at(seconds: float) -> int:
    return round(seconds * RATE_HZ)
