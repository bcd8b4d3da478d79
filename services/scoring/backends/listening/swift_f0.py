"""SwiftF0: the fundamental frequency of a voice (arXiv 2508.18440)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.scoring.backends.backend import (
    RATE_HZ,
    BackendSettings,
    ModelCapabilities,
    Samples,
    installed_version,
    missing_package,
)
from services.scoring.metrics.voice.pitch import MAX_F0_HZ, MIN_F0_HZ

MIN_CONFIDENCE = 0.5


class SwiftF0Tracker:
    """Follows F0."""

    name = "swift_f0"
    package = "swift-f0"
    capabilities = ModelCapabilities(licence="MIT")

    @classmethod
    def missing(cls, settings: BackendSettings) -> str:
        """Returns what is missing, empty if nothing is."""
        return missing_package(cls.package)

    def __init__(self, settings: BackendSettings) -> None:
        self.backend = f"swift-f0/{installed_version(self.package)}"
        import swift_f0

        self.frame_seconds: float = swift_f0.FRAME_PERIOD
        # One thread, which sleeps between calls: other work needs the cores as well.
        self._model = swift_f0.SwiftF0(threads=1, spin=False)

    def track(self, samples: Samples) -> NDArray[np.float64]:
        """Returns F0 in Hz for each frame, NaN where there is no voice."""
        found = self._model.detect(samples, RATE_HZ, MIN_F0_HZ, MAX_F0_HZ)
        return np.where(found.confidence >= MIN_CONFIDENCE, found.pitch_hz, np.nan)
