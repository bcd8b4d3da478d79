"""Makes the version of a recording that a telephone would carry: G.711 (mu-law) at 8 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import numpy as np
import soxr
from numpy.typing import NDArray

from services.scoring.domain import AudioUnreadable
from services.scoring.pipeline.decoding import MODEL_RATE_HZ, AudioFormat, DecodedAudio, mapped

TELEPHONE_RATE_HZ = 8_000
PIECE_SECONDS = 10
MULAW_BIAS = 132
MULAW_MAX = 32_635
"""Larger samples are clipped."""


@contextmanager
def over_telephone(audio: DecodedAudio) -> Iterator[DecodedAudio]:
    """Yields the version for as long as the context lasts. It has the same channels as the recording.

    Raises AudioUnreadable if the recording is shorter than a sample of a telephone.
    """
    channels = audio.format.channels
    with TemporaryDirectory(prefix="voice-arena-") as folder:
        native, model = Path(folder) / "native", Path(folder) / "model"
        with ExitStack() as files:
            _write(audio, files.enter_context(native.open("wb")), files.enter_context(model.open("wb")))
        version = DecodedAudio(_format(audio.format), mapped(native, channels), mapped(model, channels))
        if not len(version.native):
            raise AudioUnreadable("The recording is too short to go over a telephone.")
        yield version


def mulaw(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """Returns the samples as they are after G.711's mu-law and back (ITU-T G.711, 8 bits a sample)."""
    wide = samples.astype(np.int32)
    magnitude = np.minimum(np.abs(wide), MULAW_MAX) + MULAW_BIAS
    segment = np.frexp(magnitude.astype(np.float64))[1] - 8
    step = np.left_shift(8, segment)
    quantized = magnitude // step * step + step // 2 - MULAW_BIAS
    return np.asarray(np.where(wide < 0, -quantized, quantized), dtype=np.int16)


def _write(audio: DecodedAudio, native: IO[bytes], model: IO[bytes]) -> None:
    """Writes the version at 8 kHz and at the rate of models, piece by piece: a recording can be hours long."""
    rate_hz, channels = audio.format.sample_rate_hz, audio.format.channels
    down = soxr.ResampleStream(rate_hz, TELEPHONE_RATE_HZ, channels, dtype="int16")
    up = soxr.ResampleStream(TELEPHONE_RATE_HZ, MODEL_RATE_HZ, channels, dtype="int16")
    size = PIECE_SECONDS * rate_hz
    for start in range(0, len(audio.native), size):
        last = start + size >= len(audio.native)
        narrow = mulaw(down.resample_chunk(np.ascontiguousarray(audio.native[start : start + size]), last=last))
        native.write(narrow.tobytes())
        model.write(up.resample_chunk(narrow, last=last).tobytes())


def _format(original: AudioFormat) -> AudioFormat:
    return replace(original, container="", codec="pcm_mulaw", sample_format="s16", sample_rate_hz=TELEPHONE_RATE_HZ)
