"""The outlines of recordings, for waveforms."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.runtime.errors import WrongState
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
MAX_KEPT = 256
"""Outlines in memory, of 13 kB each. A recording never changes."""


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
        self._kept: OrderedDict[str, Peaks] = OrderedDict()

    async def peaks(self, evaluation_id: str) -> Peaks:
        """Returns the outline of the recording of the caller's evaluation.

        Raises NotFound if it was deleted, and WrongState if it can't be decoded.
        """
        name = await self._evaluations.audio_name(evaluation_id)
        if name not in self._kept:
            async with self._decoding:
                # Another call may have decoded it meanwhile.
                if name not in self._kept:
                    async with self._recordings.file(name) as path:
                        self._keep(name, await asyncio.to_thread(_decoded_peaks, path))
        self._kept.move_to_end(name)
        return self._kept[name]

    def _keep(self, name: str, found: Peaks) -> None:
        self._kept[name] = found
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)


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
