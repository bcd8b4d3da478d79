"""Moonshine: a small speech recogniser for English (arXiv 2410.15608)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.scoring.listening.backend import BackendMissing, installed_version

RATE_HZ = 16_000
LANGUAGES = frozenset({"en"})


@dataclass(frozen=True, slots=True)
class Phrase:
    """A piece of a transcript. Times are in seconds."""

    text: str
    start: float
    end: float


class MoonshineTranscriber:
    """Writes down what is said. It gives times of phrases, not of words."""

    languages = LANGUAGES

    def __init__(self) -> None:
        self.backend = f"moonshine-tiny-en/moonshine-voice-{installed_version('moonshine-voice')}"
        import moonshine_voice

        weights = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
        if not weights.is_dir():
            raise BackendMissing("The package moonshine-voice has no weights of tiny-en; version 0.1.0 has them.")
        self._model = moonshine_voice.Transcriber(model_path=weights, model_arch=moonshine_voice.ModelArch.TINY)

    def transcribe(self, samples: NDArray[np.float32]) -> list[Phrase]:
        """Transcribes samples at 16 kHz from -1 to 1."""
        lines = self._model.transcribe_without_streaming(samples.tolist(), RATE_HZ).lines
        return [
            Phrase(line.text.strip(), line.start_time, line.start_time + line.duration)
            for line in lines
            if line.text.strip()
        ]
