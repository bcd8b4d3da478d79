"""Known answers for metrics: texts, formulas of signals, and what must come out, each with its source."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

RATE_HZ = 16_000


def metric_vectors(group: str, having: str = "") -> Any:
    """Parametrizes a test over the vectors of a group. The test takes `inputs`, `expected` and `tolerance`.

    `having` chooses those with an input of this name.
    """
    chosen = [one for one in _metrics() if one["group"] == group and (not having or having in one["inputs"])]
    return pytest.mark.parametrize(
        ("inputs", "expected", "tolerance"),
        [pytest.param(one["inputs"], one["expected"], one["tolerance"], id=one["id"].split(".")[1]) for one in chosen],
    )


def metric_vector(name: str) -> dict[str, Any]:
    """Returns one vector by its id, such as `noise.snr_30`."""
    return next(one for one in _metrics() if one["id"] == name)


@cache
def _metrics() -> list[dict[str, Any]]:
    return json.loads((Path(__file__).parent / "metrics.json").read_text())["vectors"]


def times(seconds: float, rate_hz: int = RATE_HZ) -> NDArray[np.float64]:
    """Returns the time of each sample in seconds."""
    return np.arange(round(seconds * rate_hz)) / rate_hz


def within(at: NDArray[np.float64], *spans: tuple[float, float]) -> NDArray[np.bool_]:
    """Returns which times are in one of the spans, ends excluded."""
    return np.any([(at >= start) & (at < end) for start, end in spans], axis=0)


@cache
def lcg_noise(count: int) -> NDArray[np.float64]:
    """Returns the noise of the vectors: a linear congruential generator, -0.5 to 0.5, with a variance of 1/12."""
    state, noise = 1, np.empty(count)
    for index in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        noise[index] = state / 2**32 - 0.5
    return noise


def harmonics(phase: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Returns a tone with overtones that fall by 1/h."""
    return 0.2 * np.sum([np.sin(h * phase) / h for h in range(1, count + 1)], axis=0)


def comb(low_hz: int, high_hz: int, seconds: float = 2.0) -> NDArray[np.float64]:
    """Returns equally strong tones 10 Hz apart with an RMS of 0.1."""
    at, tones = times(seconds), np.arange(low_hz, high_hz + 1, 10)
    sums = np.sum([np.cos(2 * np.pi * tone * at + np.pi * i * i / len(tones)) for i, tone in enumerate(tones)], axis=0)
    return np.asarray(sums * 0.1 / np.sqrt(np.mean(sums**2)))


def syllable_pulses(per_second: float, seconds: float) -> NDArray[np.float64]:
    """Returns a tone of 150 Hz whose loudness rises and falls like syllables."""
    at = times(seconds)
    envelope = 0.1 * (0.5 - 0.5 * np.cos(2 * np.pi * per_second * at)) ** 2
    return np.asarray(envelope * np.sum([np.sin(2 * np.pi * h * 150 * at) / h for h in range(1, 9)], axis=0))
