"""Measures the signal metrics of a recording: those that need only its samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.shared.audio.edges import find_edges
from services.shared.audio.loudness import integrated_lufs
from services.shared.audio.recording import FULL_SCALE, Recording

BACKEND = "voicearena-signal/1"
"""The version increases whenever the same samples would give other values."""

SILENCE_AMPLITUDE = 300
"""Samples with a smaller |amplitude| on the 16-bit scale are silent."""
CLIPPING_AMPLITUDE = 32767
"""Samples with at least this |amplitude| on the 16-bit scale may be clipped. A symmetric limiter stops at -32767."""
MIN_CLIPPING_RUN_SAMPLES = 3
"""A single sample at full scale is a peak. This many in a row are a clipped wave."""
SAMPLES_PER_BATCH = 100_000
"""This many samples fit the cache of the processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalMetrics:
    """The metrics of the samples. `services.shared.metrics` describes all fields except `backend`.

    A new field needs the default None, because evaluations in the database lack it.
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
    """The code that measured, with its version."""


def measure(recording: Recording) -> SignalMetrics:
    """Measures a recording of at least one sample. Takes about 1 ms per 5 s of audio, and blocks meanwhile."""
    samples = recording.samples
    total, squares, silent, largest = 0, 0.0, 0, 0
    for start in range(0, len(samples), SAMPLES_PER_BATCH):
        piece = samples[start : start + SAMPLES_PER_BATCH]
        exact = piece.astype(np.float64)
        total += int(piece.sum(dtype=np.int64))
        # Not exact @ exact: the linear algebra library would start threads, which cost more than they save.
        squares += float(np.einsum("i,i->", exact, exact))
        silent += int(np.count_nonzero((piece > -SILENCE_AMPLITUDE) & (piece < SILENCE_AMPLITUDE)))
        # Python integers, because -(-32768) does not fit 16 bits.
        largest = max(largest, int(piece.max()), -int(piece.min()))
    mean = total / len(samples)
    edges = find_edges(recording, mean)
    return SignalMetrics(
        duration_seconds=recording.duration_seconds,
        silence_ratio=silent / len(samples),
        leading_silence_ms=edges.leading_ms if edges else recording.duration_seconds * 1000,
        trailing_silence_ms=edges.trailing_ms if edges else recording.duration_seconds * 1000,
        peak=largest / FULL_SCALE,
        clipping_ratio=_clipped(samples) / len(samples) if largest >= CLIPPING_AMPLITUDE else 0.0,
        loudness_lufs=integrated_lufs(recording),
        dc_offset=mean / FULL_SCALE,
        audible=edges is not None,
        rms=math.sqrt(squares / len(samples)) / FULL_SCALE,
        backend=BACKEND,
    )


def _clipped(samples: NDArray[np.int16]) -> int:
    return _in_runs(samples >= CLIPPING_AMPLITUDE) + _in_runs(samples <= -CLIPPING_AMPLITUDE)


def _in_runs(at_limit: NDArray[np.bool_]) -> int:
    """Returns the number of samples in runs of at least MIN_CLIPPING_RUN_SAMPLES."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], at_limit, [False]))))
    lengths = ends[1::2] - ends[::2]
    return int(lengths[lengths >= MIN_CLIPPING_RUN_SAMPLES].sum())
