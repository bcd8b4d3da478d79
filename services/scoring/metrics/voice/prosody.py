"""Prosody: whether pitch, rate and pauses are within the natural range of human speech.

The score was not checked against the opinions of listeners. docs/metrics.md gives the sources of the ranges.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.scoring.metrics.voice.pitch import Pitch
from services.scoring.metrics.voice.rhythm import Rhythm


@dataclass(frozen=True, slots=True)
class NaturalRange:
    """The values that count as natural. Beyond them a part falls in a straight line, to 0 at the outer values."""

    outer_low: float
    low: float
    high: float
    outer_high: float
    weight: float

    def worth(self, value: float) -> float:
        """Returns 1 within the range, 0 at the outer values and beyond."""
        if value < self.low:
            return max((value - self.outer_low) / (self.low - self.outer_low), 0.0)
        if value > self.high:
            return max((self.outer_high - value) / (self.outer_high - self.high), 0.0)
        return 1.0


PITCH_SD_SEMITONES = NaturalRange(0.5, 2.0, 5.0, 9.0, weight=0.4)
ARTICULATION_RATE = NaturalRange(2.0, 3.5, 6.0, 8.5, weight=0.3)
PAUSE_SHARE = NaturalRange(-1.0, 0.0, 0.30, 0.55, weight=0.2)
PAUSE_LENGTH_SECONDS = NaturalRange(-1.0, 0.0, 1.0, 3.0, weight=0.1)


def prosody_score(pitch: Pitch | None, rhythm: Rhythm | None) -> float | None:
    """Returns the weighted mean of the parts, 0 to 1. None without pitch or rhythm."""
    if pitch is None or rhythm is None:
        return None
    parts = [
        (PITCH_SD_SEMITONES, pitch.sd_semitones),
        (ARTICULATION_RATE, rhythm.articulation_rate),
        (PAUSE_SHARE, rhythm.pause_share),
        (PAUSE_LENGTH_SECONDS, rhythm.longest_pause_seconds),
    ]
    return sum(part.weight * part.worth(value) for part, value in parts)
