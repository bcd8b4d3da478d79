"""A recording as numbers."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
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

    def rms_and_peak(self) -> tuple[float, float]:
        """Returns the root mean square of all samples and the largest |amplitude|, both relative to full scale."""
        if not len(self.samples):
            return 0.0, 0.0
        rms = math.sqrt(float(np.mean(np.square(self.samples), dtype=np.float64)))
        return rms / FULL_SCALE, float(np.max(np.abs(self.samples))) / FULL_SCALE
