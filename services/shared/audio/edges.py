"""Where sound begins and ends in a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.shared.audio.recording import FULL_SCALE, Recording

FRAME_MS = 10
HOP_MS = 1
AUDIBLE_RMS = 0.01
"""Of full scale: -40 dBFS, above the noise of any engine and below any phoneme."""
FRAMES_AT_A_TIME = 1000
"""One second. Speech begins and ends within a few of them, so most of a recording is never looked at."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The silence before the first audible frame and after the last, in ms."""

    leading_ms: float
    trailing_ms: float


def find_edges(recording: Recording, mean: float) -> Edges | None:
    """Returns the silence at both ends, None if no frame is audible.

    A frame of 10 ms is audible if its RMS is above 0.01 of full scale once `mean`, that of all samples on the 16-bit
    scale, is taken off. Frames start at every whole millisecond; a recording shorter than a frame is one frame.
    """
    samples, rate = recording.samples, recording.sample_rate_hz
    length = min(round(rate * FRAME_MS / 1000), len(samples))
    starts = np.rint(np.arange((len(samples) - length) * 1000 // (rate * HOP_MS) + 1) * (rate * HOP_MS / 1000))
    starts = starts.astype(np.int64)
    starts = starts[starts <= len(samples) - length]
    batches = range(0, len(starts), FRAMES_AT_A_TIME)
    for first in batches:
        audible = _audible(samples, starts[first : first + FRAMES_AT_A_TIME], length, mean)
        if len(audible):
            leading_ms = float((first + audible[0]) * HOP_MS)
            break
    else:
        return None
    for first in reversed(batches):
        audible = _audible(samples, starts[first : first + FRAMES_AT_A_TIME], length, mean)
        if len(audible):
            end = int(starts[first + audible[-1]]) + length
            return Edges(leading_ms, (len(samples) - end) * 1000 / rate)
    raise AssertionError("a frame that is audible forwards is so backwards")


def _audible(samples: NDArray[Any], starts: NDArray[np.int64], length: int, mean: float) -> NDArray[np.int64]:
    """Which of the frames at `starts` are audible, by their position in it."""
    begin = int(starts[0])
    piece = samples[begin : int(starts[-1]) + length].astype(np.float64) - mean
    # The sum of squares up to each sample, so that every frame's is one difference.
    energy = np.concatenate(([0.0], np.cumsum(piece * piece)))
    at = starts - begin
    threshold = (AUDIBLE_RMS * FULL_SCALE) ** 2 * length
    return np.flatnonzero(energy[at + length] - energy[at] > threshold)
