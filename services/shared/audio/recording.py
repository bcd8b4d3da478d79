"""A recording as an array of samples."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 32768.0
"""The amplitude on the 16-bit scale that is 1.0 in relative levels."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Mono audio."""

    samples: NDArray[Any]
    """One dimension, on the 16-bit scale (-32768 to 32767). They may have fractions."""
    sample_rate_hz: int

    @property
    def duration_seconds(self) -> float:
        """The length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    def rms_and_peak(self) -> tuple[float, float]:
        """Returns the root mean square of all samples and the largest |amplitude|, relative to full scale (0 to 1)."""
        if not len(self.samples):
            return 0.0, 0.0
        rms = math.sqrt(float(np.mean(np.square(self.samples), dtype=np.float64)))
        return rms / FULL_SCALE, float(np.max(np.abs(self.samples))) / FULL_SCALE
