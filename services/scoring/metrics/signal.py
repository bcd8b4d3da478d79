"""The signal metrics: what the samples alone say of a recording."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.scoring.domain import Direction, SignalMetrics
from services.shared.audio.edges import Edges, find_edges
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


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found in a recording, on the 16-bit scale, and what each metric follows from."""

    recording: Recording
    mean: float
    mean_square: float
    silent: int
    """How many samples are silent."""
    largest: int
    """The largest |amplitude|."""
    loudness_lufs: float | None
    edges: Edges | None


@dataclass(frozen=True, slots=True)
class SignalMetric:
    """One metric: how it is described, and how it follows from what was found."""

    name: str
    unit: str
    direction: Direction
    description: str
    value: Callable[[Measured], float | bool | None]


METRICS = (
    SignalMetric(
        "duration_seconds",
        "s",
        Direction.neutral,
        "Length of the recording.",
        lambda found: found.recording.duration_seconds,
    ),
    SignalMetric(
        "silence_ratio",
        "",
        Direction.lower_is_better,
        "Share of samples with |amplitude| below 300 on the 16-bit scale.",
        lambda found: found.silent / len(found.recording.samples),
    ),
    SignalMetric(
        "leading_silence_ms",
        "ms",
        Direction.lower_is_better,
        "Silence before the first 10 ms frame (1 ms hop, mean removed) with RMS above 0.01; all of it if none is.",
        lambda found: found.edges.leading_ms if found.edges else found.recording.duration_seconds * 1000,
    ),
    SignalMetric(
        "trailing_silence_ms",
        "ms",
        Direction.lower_is_better,
        "Silence after the last such frame; all of the recording if there is none.",
        lambda found: found.edges.trailing_ms if found.edges else found.recording.duration_seconds * 1000,
    ),
    SignalMetric(
        "peak",
        "",
        Direction.neutral,
        "Largest |amplitude|, relative to full scale.",
        lambda found: found.largest / FULL_SCALE,
    ),
    SignalMetric(
        "clipping_ratio",
        "",
        Direction.lower_is_better,
        "Share of samples in runs of at least 3 at the largest value of the format.",
        lambda found: _clipped(found) / len(found.recording.samples),
    ),
    SignalMetric(
        "loudness_lufs",
        "LUFS",
        Direction.neutral,
        "Integrated loudness after ITU-R BS.1770-4; absent below 0.4 s and when all of it is gated.",
        lambda found: found.loudness_lufs,
    ),
    SignalMetric(
        "dc_offset",
        "",
        Direction.neutral,
        "Mean of the samples, relative to full scale.",
        lambda found: found.mean / FULL_SCALE,
    ),
    SignalMetric(
        "audible",
        "",
        Direction.higher_is_better,
        "Whether some frame is above the silence threshold of the leading silence.",
        lambda found: found.edges is not None,
    ),
    SignalMetric(
        "rms",
        "",
        Direction.neutral,
        "Root mean square of all samples, relative to full scale.",
        lambda found: math.sqrt(found.mean_square) / FULL_SCALE,
    ),
)
"""Everything that is measured, in the order in which it is reported."""


def measure(recording: Recording) -> SignalMetrics:
    """Measures a recording. Blocks for about a millisecond per five seconds of audio."""
    found = _look_at(recording)
    values: dict[str, float | bool | None] = {metric.name: metric.value(found) for metric in METRICS}
    return SignalMetrics(backend=BACKEND, **values)  # type: ignore[arg-type]


def _look_at(recording: Recording) -> Measured:
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
    return Measured(
        recording=recording,
        mean=mean,
        mean_square=squares / len(samples),
        silent=silent,
        largest=largest,
        loudness_lufs=integrated_lufs(recording),
        edges=find_edges(recording, mean),
    )


def _clipped(found: Measured) -> int:
    if found.largest < CLIPPED_FROM:
        return 0
    samples = found.recording.samples
    return _in_runs(samples >= CLIPPED_FROM) + _in_runs(samples <= -CLIPPED_FROM)


def _in_runs(at_limit: NDArray[np.bool_]) -> int:
    """How many samples are in runs that are long enough."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], at_limit, [False]))))
    lengths = ends[1::2] - ends[::2]
    return int(lengths[lengths >= CLIPPED_RUN].sum())
