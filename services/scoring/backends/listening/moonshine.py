"""Moonshine: a small speech recogniser for English (arXiv 2410.15608)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from services.scoring.backends.backend import (
    RATE_HZ,
    BackendMissing,
    BackendSettings,
    Capabilities,
    Phrase,
    Samples,
    Transcript,
    installed_version,
    missing_package,
)


class MoonshineRecogniser:
    """Writes down English speech. It gives times of phrases, not of words."""

    name = "moonshine"
    capabilities = Capabilities(licence="MIT", languages=frozenset({"en"}))

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        return missing_package("moonshine-voice")

    def __init__(self, settings: BackendSettings) -> None:
        self.backend = f"moonshine-tiny-en/moonshine-voice-{installed_version('moonshine-voice')}"
        import moonshine_voice

        weights = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
        if not weights.is_dir():
            raise BackendMissing("The package moonshine-voice has no weights of tiny-en; version 0.1.0 has them.")
        self._model = moonshine_voice.Transcriber(model_path=weights, model_arch=moonshine_voice.ModelArch.TINY)

    def transcribe(self, recordings: Sequence[Samples], language: str | None) -> list[Transcript]:
        """Transcribes recordings one by one."""
        return [self._one(samples) for samples in recordings]

    def _one(self, samples: Samples) -> Transcript:
        lines = self._model.transcribe_without_streaming(samples.tolist(), RATE_HZ).lines
        phrases = tuple(
            Phrase(line.text.strip(), line.start_time, line.start_time + line.duration)
            for line in lines
            if line.text.strip()
        )
        return Transcript(" ".join(phrase.text for phrase in phrases), "en", phrases)
