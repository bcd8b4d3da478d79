"""A recording as numbers."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

FULL_SCALE = 32768.0
"""The amplitude, on the 16-bit scale, that counts as 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Mono audio."""

    samples: NDArray[Any]
    """On the 16-bit scale, whole numbers or not."""
    sample_rate_hz: int

    @property
    def duration_seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.sample_rate_hz
