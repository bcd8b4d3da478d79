"""The outlines of recordings, for waveforms."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.runtime.byte_limited_cache import ByteLimitedCache
from services.runtime.errors import Busy, WrongState
from services.scoring.domain import AudioUnreadable
from services.scoring.evaluations.recordings import Recordings
from services.scoring.evaluations.usecases import Evaluations
from services.scoring.pipeline.decoding import decoded

PIECES = 800
"""About the width of a chart in pixels."""
FULL_SCALE = 127
"""A waveform is a few hundred pixels high, so 8 bits are enough."""
MAX_DECODING = 1
"""Recordings that are decoded at the same time. Evaluations need the processor as well."""
MAX_WAITING = 16
"""Recordings that wait to be decoded."""
MAX_KEPT_BYTES = 4 * 1024 * 1024
"""Outlines in memory. A recording never changes."""
BYTES_OF_NUMBER = 8
"""Small integers are shared, so a tuple keeps only references."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """The lowest and the highest sample of each piece of a recording, -127 to 127."""

    duration_seconds: float
    low: tuple[int, ...]
    high: tuple[int, ...]


class RecordingPeaks:
    """The use case of reading an outline."""

    def __init__(self, evaluations: Evaluations, recordings: Recordings) -> None:
        self._evaluations = evaluations
        self._recordings = recordings
        self._decoding = asyncio.Semaphore(MAX_DECODING)
        self._outlines: ByteLimitedCache[str, Peaks] = ByteLimitedCache(
            MAX_KEPT_BYTES, lambda peaks: BYTES_OF_NUMBER * (len(peaks.low) + len(peaks.high))
        )
        self._waiting = 0
        self._reading: set[asyncio.Task[Peaks]] = set()

    async def peaks(self, evaluation_id: str) -> Peaks:
        """Returns the outline of the recording of the caller's evaluation.

        Raises NotFound if it was deleted, WrongState if it can't be decoded, and Busy if too many recordings wait.
        """
        name = await self._evaluations.audio_name(evaluation_id)
        # Decoding can't be interrupted, so it goes on without a caller who gives up, and keeps its turn and its file.
        reading = asyncio.create_task(self._outlines.get(name, lambda: self._decode_in_turn(name)))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)
        return await asyncio.shield(reading)

    async def _decode_in_turn(self, name: str) -> Peaks:
        if self._waiting >= MAX_WAITING:
            raise Busy(f"{MAX_WAITING} recordings are waiting to be decoded, which is the limit. Try again.")
        self._waiting += 1
        try:
            async with self._decoding, self._recordings.file(name) as path:
                return await asyncio.to_thread(_decoded_peaks, path)
        finally:
            self._waiting -= 1


def _decoded_peaks(path: Path) -> Peaks:
    try:
        with decoded(path) as audio:
            return peaks_of(audio.native, audio.duration_seconds)
    except AudioUnreadable as error:
        raise WrongState(str(error)) from None


def peaks_of(samples: NDArray[np.int16], duration_seconds: float) -> Peaks:
    """Returns the outline of 16-bit samples of shape (samples, channels). It reads one piece at a time."""
    edges = np.linspace(0, len(samples), min(PIECES, len(samples)) + 1).round().astype(int).tolist()
    pieces = [samples[start:end] for start, end in pairwise(edges)]
    return Peaks(
        duration_seconds,
        tuple(_scaled(int(piece.min())) for piece in pieces),
        tuple(_scaled(int(piece.max())) for piece in pieces),
    )


def _scaled(sample: int) -> int:
    return max(-FULL_SCALE, round(sample * FULL_SCALE / 32767))
