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

MAX_PIECE_SECONDS = 300
CUT_SEARCH_SECONDS = 30
QUIET_SECONDS = 0.1


class MoonshineRecogniser:
    """Writes down English speech. It gives times of phrases, not of words."""

    name = "moonshine"
    package = "moonshine-voice"
    capabilities = ModelCapabilities(licence="MIT", languages=frozenset({"en"}), window_seconds=30.0)

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        return missing_package(cls.package)

    def __init__(self, settings: BackendSettings) -> None:
        self.backend = f"moonshine-tiny-en/{self.package}-{installed_version(self.package)}"
        import moonshine_voice

        weights = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
        if not weights.is_dir():
            raise BackendMissing("The package moonshine-voice has no weights of tiny-en; version 0.1.0 has them.")
        with loading_with(MOONSHINE_ORT_SINGLE_THREAD="1"):
            self._model = moonshine_voice.Transcriber(model_path=weights, model_arch=moonshine_voice.ModelArch.TINY)

    def transcribe(self, recordings: Sequence[Samples], language: str | None) -> list[Transcript]:
        """Transcribes recordings one by one."""
        return [self._one(samples) for samples in recordings]

    def _one(self, samples: Samples) -> Transcript:
        phrases: list[Phrase] = []
        start = 0
        for piece in pieces(samples):
            # The model takes a list of Python numbers, which needs ten times the memory of the samples.
            lines = self._model.transcribe_without_streaming(piece.tolist(), RATE_HZ).lines
            at = start / RATE_HZ
            phrases += [
                Phrase(line.text.strip(), at + line.start_time, at + line.start_time + line.duration)
                for line in lines
                if line.text.strip()
            ]
            start += len(piece)
        return Transcript(" ".join(phrase.text for phrase in phrases), "en", tuple(phrases))


def pieces(samples: Samples) -> Iterator[Samples]:
    """Cuts a long recording into pieces of at most 5 minutes, each at the quietest 0.1 s of its last 30 s."""
    longest, search, quiet = (
        round(seconds * RATE_HZ) for seconds in (MAX_PIECE_SECONDS, CUT_SEARCH_SECONDS, QUIET_SECONDS)
    )
    while len(samples) > longest:
        frames = samples[longest - search : longest].reshape(-1, quiet)
        cut = longest - search + int(np.argmin(np.square(frames).sum(axis=1))) * quiet + quiet // 2
        yield samples[:cut]
        samples = samples[cut:]
    yield samples
