"""At which loudness clips are played: one for all of an experiment, so that nobody prefers what is merely louder."""

import math
from collections.abc import Iterable

from services.shared.metrics import Measurements

TARGET_LUFS = -23.0
"""Where no clip is too peaky for it. It is the target of EBU R 128, with room above speech."""
LARGEST_PEAK_DBFS = -1.0
"""What no clip's peak comes above."""
LARGEST_PEAK = 10 ** (LARGEST_PEAK_DBFS / 20)
RMS_OFFSET_DB = -0.691
"""What BS.1770 adds to the mean square of a signal, here without the filter."""
QUIETEST_LUFS = -70.0
"""The absolute gate of BS.1770: what is below is no speech, and is not made loud."""


def target_lufs(measured: Iterable[Measurements]) -> float:
    """Returns the loudness for all clips: -23 LUFS, or lower if a clip's peak would else come above -1 dBFS.

    Clips without a measured loudness are held back by their own gain instead; see `gain`.
    """
    target = TARGET_LUFS
    for one in measured:
        if one.loudness_lufs is not None and one.peak:
            target = min(target, one.loudness_lufs + LARGEST_PEAK_DBFS - 20 * math.log10(one.peak))
    return target


def gain(target: float, loudness_lufs: float | None, rms: float, peak: float) -> float:
    """Returns the factor that brings a clip to the target loudness, as far as its peak allows.

    A clip that is too short for a measured loudness goes by its RMS. What is peaky and short is quieter than the others
    rather than distorted. RMS and peak are relative to full scale. Silence stays what it is.
    """
    if rms <= 0 or peak <= 0:
        return 1.0
    loudness = RMS_OFFSET_DB + 20 * math.log10(rms) if loudness_lufs is None else loudness_lufs
    if loudness < QUIETEST_LUFS:
        return 1.0
    return min(float(10 ** ((target - loudness) / 20)), LARGEST_PEAK / peak)
