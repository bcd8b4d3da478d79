"""Measures how many times faster than real time one core computes all signal metrics."""

import os

# Must be set before numpy is imported. Otherwise its linear algebra uses every core.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import time  # noqa: E402

import numpy as np  # noqa: E402
from scipy.signal import lfilter  # noqa: E402

from services.scoring.metrics.signal import measure  # noqa: E402
from services.shared.audio.recording import Recording  # noqa: E402
from tests.bench.result import BenchResult  # noqa: E402

SECONDS = 600
SAMPLE_RATE_HZ = 24_000
ROUNDS = 5
TARGET = 1000.0


def speech_like(seconds: float, sample_rate_hz: int, seed: int = 1) -> Recording:
    """Returns synthetic speech: a buzz of varying pitch through two formants, in syllables with pauses."""
    random = np.random.default_rng(seed)
    count = int(seconds * sample_rate_hz)
    at = np.arange(count) / sample_rate_hz
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.4 * at)
    buzz = np.mod(np.cumsum(pitch) / sample_rate_hz, 1) - 0.5 + 0.05 * random.standard_normal(count)
    for formant in (700.0, 1800.0):
        pole = 0.97 * np.exp(2j * np.pi * formant / sample_rate_hz)
        buzz = lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], buzz)
    syllables = np.clip(np.sin(2 * np.pi * 2.1 * at) + 0.6 * np.sin(2 * np.pi * 0.3 * at), 0, 1)
    voice = buzz * syllables
    return Recording((voice / np.abs(voice).max() * 0.8 * 32767).astype(np.int16), sample_rate_hz)


def run() -> BenchResult:
    """Measures ten minutes of audio a few times and returns the median."""
    recording = speech_like(SECONDS, SAMPLE_RATE_HZ)
    times = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        measure(recording)
        times.append(time.thread_time() - started)
    return BenchResult(
        name="signal metrics",
        value=SECONDS / float(np.median(times)),
        unit="x real time",
        target=TARGET,
        higher_is_better=True,
        detail=f"{SECONDS} s at {SAMPLE_RATE_HZ} Hz, one core, median of {ROUNDS}",
    )


if __name__ == "__main__":
    print(run())  # noqa: T201
