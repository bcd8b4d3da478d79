"""Finds where sound begins and ends in a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.shared.audio.recording import FULL_SCALE, Recording

FRAME_MS = 10
HOP_MS = 1
AUDIBLE_RMS = 0.01
"""Relative to full scale: -40 dBFS. This is above the noise of all engines and below any phoneme."""
FRAMES_PER_BATCH = 1000
"""One second. Speech usually begins and ends within a few batches, so most of a recording is never examined."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The silence before the first audible frame and after the last one, in milliseconds."""

    leading_ms: float
    trailing_ms: float


def find_edges(recording: Recording, mean: float) -> Edges | None:
    """Returns the silence at both ends, None if no frame is audible.

    `mean` is the mean of all samples on the 16-bit scale, and is subtracted first. A frame of 10 ms is audible if its
    RMS is above 0.01 of full scale. Frames start at every whole millisecond. A recording shorter than a frame is one
    frame.
    """
    samples, rate = recording.samples, recording.sample_rate_hz
    length = min(round(rate * FRAME_MS / 1000), len(samples))
    starts = np.rint(np.arange((len(samples) - length) * 1000 // (rate * HOP_MS) + 1) * (rate * HOP_MS / 1000))
    starts = starts.astype(np.int64)
    starts = starts[starts <= len(samples) - length]
    batches = range(0, len(starts), FRAMES_PER_BATCH)
    for first in batches:
        audible = _audible(samples, starts[first : first + FRAMES_PER_BATCH], length, mean)
        if len(audible):
            leading_ms = float((first + audible[0]) * HOP_MS)
            break
    else:
        return None
    for first in reversed(batches):
        audible = _audible(samples, starts[first : first + FRAMES_PER_BATCH], length, mean)
        if len(audible):
            end = int(starts[first + audible[-1]]) + length
            return Edges(leading_ms, (len(samples) - end) * 1000 / rate)
    raise AssertionError("an audible frame was found forwards but not backwards")


def _audible(samples: NDArray[Any], starts: NDArray[np.int64], length: int, mean: float) -> NDArray[np.int64]:
    """Returns the indexes in `starts` of the audible frames. `starts` and `length` are in samples."""
    begin = int(starts[0])
    piece = samples[begin : int(starts[-1]) + length].astype(np.float64) - mean
    # Sums of squares up to each sample: the energy of a frame is then one difference.
    energy = np.concatenate(([0.0], np.cumsum(piece * piece)))
    at = starts - begin
    threshold = (AUDIBLE_RMS * FULL_SCALE) ** 2 * length
    return np.flatnonzero(energy[at + length] - energy[at] > threshold)
