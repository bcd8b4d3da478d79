"""The signal metrics: what the samples alone say of a recording."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.shared.audio.edges import find_edges
from services.shared.audio.loudness import integrated_lufs
from services.shared.audio.recording import FULL_SCALE, Recording

BACKEND = "voicearena-signal/1"
"""Its number goes up whenever the same samples would give other values."""

SILENT_BELOW = 300
"""|amplitude| on the 16-bit scale."""
CLIPPED_FROM = 32767
"""|amplitude| on the 16-bit scale. A symmetric limiter stops at -32767, so that counts as the lowest value too."""
CLIPPED_RUN = 3
"""A lone sample at full scale is a peak; as many in a row are a cut-off wave."""
SAMPLES_AT_A_TIME = 100_000
"""They fit the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalMetrics:
    """What is measured from the samples alone. The table of metrics describes each field but the last.

    A field that is added has None as its default: evaluations that were stored before lack it.
    """

    duration_seconds: float
    silence_ratio: float
    leading_silence_ms: float
    trailing_silence_ms: float
    peak: float
    clipping_ratio: float
    loudness_lufs: float | None
    dc_offset: float
    audible: bool
    rms: float
    backend: str
    """The code and its version that measured."""


def measure(recording: Recording) -> SignalMetrics:
    """Measures a recording. Blocks for about a millisecond per five seconds of audio."""
    samples = recording.samples
    total, squares, silent, largest = 0, 0.0, 0, 0
    for start in range(0, len(samples), SAMPLES_AT_A_TIME):
        piece = samples[start : start + SAMPLES_AT_A_TIME]
        exact = piece.astype(np.float64)
        total += int(piece.sum(dtype=np.int64))
        # Not exact @ exact: linear algebra would start threads for it, which cost more than they save.
        squares += float(np.einsum("i,i->", exact, exact))
        silent += int(np.count_nonzero((piece > -SILENT_BELOW) & (piece < SILENT_BELOW)))
        # As Python integers, since the lowest value has no opposite in 16 bits.
        largest = max(largest, int(piece.max()), -int(piece.min()))
    mean = total / len(samples)
    edges = find_edges(recording, mean)
    return SignalMetrics(
        duration_seconds=recording.duration_seconds,
        silence_ratio=silent / len(samples),
        leading_silence_ms=edges.leading_ms if edges else recording.duration_seconds * 1000,
        trailing_silence_ms=edges.trailing_ms if edges else recording.duration_seconds * 1000,
        peak=largest / FULL_SCALE,
        clipping_ratio=_clipped(samples) / len(samples) if largest >= CLIPPED_FROM else 0.0,
        loudness_lufs=integrated_lufs(recording),
        dc_offset=mean / FULL_SCALE,
        audible=edges is not None,
        rms=math.sqrt(squares / len(samples)) / FULL_SCALE,
        backend=BACKEND,
    )


def _clipped(samples: NDArray[np.int16]) -> int:
    return _in_runs(samples >= CLIPPED_FROM) + _in_runs(samples <= -CLIPPED_FROM)


def _in_runs(at_limit: NDArray[np.bool_]) -> int:
    """How many samples are in runs that are long enough."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], at_limit, [False]))))
    lengths = ends[1::2] - ends[::2]
    return int(lengths[lengths >= CLIPPED_RUN].sum())
