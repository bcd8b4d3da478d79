"""Recordings that sound like speech to networks: syllables on a falling spectrum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.scoring.backends.backend import RATE_HZ, Samples

MIN_SECONDS = 5.0
MAX_SECONDS = 15.0
__all__ = ["RATE_HZ", "call_of", "clips_of", "seconds_of"]


def clips_of(count: int) -> list[Samples]:
    """Returns clips of 5 to 15 s in a random order."""
    random = np.random.default_rng(7)
    clips = [_spoken(seconds, random) for seconds in np.linspace(MIN_SECONDS, MAX_SECONDS, count)]
    random.shuffle(clips)  # type: ignore[arg-type]
    return clips


def call_of(seconds: float) -> Samples:
    """Returns a long recording."""
    random = np.random.default_rng(8)
    pieces = [_spoken(min(10.0, seconds - start), random) for start in np.arange(0, seconds, 10.0)]
    return np.concatenate(pieces)


def seconds_of(clips: Sequence[Samples]) -> float:
    """Returns the length of all clips together."""
    return sum(map(len, clips)) / RATE_HZ


def _spoken(seconds: float, random: np.random.Generator) -> Samples:
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * random.uniform(90, 220) * at
    tone = np.sum([np.sin(overtone * phase) / overtone for overtone in range(1, 12)], axis=0)
    tone = (tone + 0.3 * random.standard_normal(len(at))) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * at))
    return np.asarray(0.2 * tone / np.abs(tone).max(), dtype=np.float32)
