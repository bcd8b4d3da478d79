"""Decodes recordings of every usual format, in a process of its own (`decoding_worker`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from services.scoring.backends.backend import missing_package
from services.scoring.domain import AudioUnreadable

MODEL_RATE_HZ = 16_000
TIMEOUT_SECONDS = 600.0
DISK_FULL = "The disk has no free space for the decoded recording."
WORKER = "services.scoring.pipeline.decoding_worker"
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
"""Threads of numpy would reserve much of the memory that the process may have."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How a recording is stored."""

    container: str
    codec: str
    sample_format: str
    """FFmpeg's name, such as `s16` or `fltp`."""
    sample_rate_hz: int
    channels: int
    damaged: bool
    """Whether the end is missing because the file is damaged or was cut off."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedAudio:
    """A recording as samples on the 16-bit scale, arrays of shape (samples, channels), mapped from files."""

    format: AudioFormat
    native: NDArray[np.int16]
    """At the recording's own rate."""
    model: NDArray[np.int16]
    """At 16 kHz, for the models."""

    @property
    def duration_seconds(self) -> float:
        """The length of the recording."""
        return len(self.native) / self.format.sample_rate_hz

    def mono(self) -> NDArray[np.float32]:
        """Returns the mean of the channels at 16 kHz, -1 to 1."""
        return np.asarray(self.model.mean(axis=1, dtype=np.float32) / 32768, dtype=np.float32)

    def channel(self, index: int) -> NDArray[np.float32]:
        """Returns one channel at 16 kHz, -1 to 1."""
        return np.asarray(self.model[:, index] / np.float32(32768), dtype=np.float32)


@contextmanager
def decoded(source: Path) -> Iterator[DecodedAudio]:
    """Decodes a file for as long as the context lasts. Raises AudioUnreadable if it cannot be evaluated."""
    if reason := missing_package("av"):
        raise AudioUnreadable(reason)
    with TemporaryDirectory(prefix="voice-arena-") as folder:
        native, model = Path(folder) / "native", Path(folder) / "model"
        form = _decode(source, native, model)
        yield DecodedAudio(form, mapped(native, form.channels), mapped(model, form.channels))


def _decode(source: Path, native: Path, model: Path) -> AudioFormat:
    command = [sys.executable, "-m", WORKER, str(source), str(native), str(model), str(MODEL_RATE_HZ)]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False, env={**os.environ, **ENVIRONMENT}
        )
    except subprocess.TimeoutExpired:
        raise AudioUnreadable(f"The recording could not be decoded within {TIMEOUT_SECONDS:.0f} s.") from None
    if done.returncode:
        raise AudioUnreadable("The recording could not be decoded: it needs too much memory or time, or it is damaged.")
    found = json.loads(done.stdout)
    if "message" in found or "disk_full" in found:
        raise AudioUnreadable(found.get("message", DISK_FULL))
    return AudioFormat(**found)


def mapped(path: Path, channels: int) -> NDArray[np.int16]:
    """Returns the samples of a file of 16-bit samples, an array of shape (samples, channels)."""
    if not path.stat().st_size:
        return np.zeros((0, channels), np.int16)
    return np.memmap(path, dtype="<i2", mode="r").reshape(-1, channels)
