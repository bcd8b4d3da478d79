"""Decodes one file in a process of its own: `python -m services.scoring.pipeline.decoding_worker IN NATIVE MODEL RATE`.

An uploaded file can exploit a decoder, exhaust memory or claim to be hours long, so it is decoded where it can do no
harm: this process limits its own memory, processor time and output. It writes signed 16-bit little-endian samples,
channels interleaved, to the file NATIVE at the file's own rate and to the file MODEL at RATE. It prints a JSON object
that describes the audio, one with a `message` if the file is refused, or one that says `disk_full`.

It starts for each recording, so it imports little: numpy alone takes as long as everything else.
"""

from __future__ import annotations

import errno
import json
import resource
import sys
from array import array
from pathlib import Path
from typing import IO, Any

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from services.scoring.pipeline.claimed_length import MIN_MISSING_SECONDS, claimed_seconds, is_cut_off

MAX_SECONDS = 2 * 60 * 60
MAX_CHANNELS = 8
MIN_RATE_HZ = 4_000
MAX_RATE_HZ = 384_000
MAX_SAMPLE = 65_536
"""Full scale is 1. FFmpeg wraps larger samples around when it makes 16 bits of them, and clips smaller ones."""
MAX_MEMORY_BYTES = 1024 * 1024 * 1024
MAX_PROCESSOR_SECONDS = 300
MAX_FILE_BYTES = 4 * 1024 * 1024 * 1024
SAMPLE_BYTES = 2
CONTAINERS = "wav,w64,aiff,flac,mp3,ogg,mov,mp4,m4a,matroska,webm,aac"
"""Demuxers that may be used. Playlists are not among them, because they would open other files and addresses."""
TOO_LONG = f"The recording is longer than {MAX_SECONDS // 3600} hours, or says that it is."


class Refused(Exception):
    """The file cannot be evaluated. The message says why, in a sentence."""


def main(source: str, native: str, model: str, model_rate_hz: str) -> None:
    """Decodes and prints what is known of the file."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_PROCESSOR_SECONDS, MAX_PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    try:
        with (
            Path(source).open("rb") as file,
            Path(native).open("wb") as native_file,
            Path(model).open("wb") as model_file,
        ):
            description = decode(file, native_file, model_file, int(model_rate_hz))
    except Refused as refusal:
        description = {"message": str(refusal)}
    except MemoryError:
        description = {"message": f"Decoding the recording takes more than {MAX_MEMORY_BYTES // 2**20} MiB of memory."}
    except OSError as error:
        if error.errno == errno.ENOSPC:
            description = {"disk_full": True}
        elif error.errno == errno.EFBIG:
            description = {"message": f"The decoded recording has more than {MAX_FILE_BYTES // 2**30} GiB."}
        else:
            raise
    sys.stdout.write(json.dumps(description))


def decode(source: IO[bytes], native: IO[bytes], model: IO[bytes], model_rate_hz: int) -> dict[str, Any]:
    """Decodes the first audio stream and returns what is known of it. Raises Refused if it cannot be evaluated."""
    try:
        container = av.open(source, mode="r", options={"format_whitelist": CONTAINERS, "protocol_whitelist": ""})
    except (av.FFmpegError, ValueError):
        raise Refused("The file is not audio in a format that can be decoded, or its beginning is damaged.") from None
    with container:
        if not container.streams.audio:
            raise Refused("The file has no audio stream.")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise Refused("The audio has a codec that can't be decoded.")
        _check_format(stream.codec_context.sample_rate, stream.codec_context.channels)
        claimed = claimed_seconds(source, container, stream)
        if claimed is not None and claimed > MAX_SECONDS + MIN_MISSING_SECONDS:
            raise Refused(TOO_LONG)
        decoded = _Decoded(native, model, model_rate_hz)
        damaged = False
        try:
            for frame in container.decode(stream):
                decoded.add(frame)
        except (av.FFmpegError, EOFError, _Changed):
            # What came before a damaged place is good audio.
            damaged = True
        rate_hz, channels = decoded.end()
        return {
            "container": container.format.name.partition(",")[0],
            "codec": stream.codec_context.name,
            "sample_format": stream.codec_context.format.name,
            "sample_rate_hz": rate_hz,
            "channels": channels,
            "damaged": damaged or is_cut_off(decoded.samples / rate_hz, claimed),
        }


class _Changed(Exception):
    """The sample rate or the channels change in the middle."""


class _Decoded:
    """What was decoded so far."""

    def __init__(self, native: IO[bytes], model: IO[bytes], model_rate_hz: int) -> None:
        self.samples = 0
        self._model_rate_hz = model_rate_hz
        self._files = native, model
        self._form: tuple[int, str, int] | None = None
        """Sample rate, layout and number of channels, of the first frame and of all others."""
        self._resamplers: list[AudioResampler] = []

    def add(self, frame: AudioFrame) -> None:
        """Writes a frame. Raises Refused if it can't be evaluated, _Changed if it is unlike the others."""
        _check_samples(frame)
        form = frame.sample_rate, frame.layout.name, frame.layout.nb_channels
        if self._form is None:
            rate_hz, layout, channels = self._form = form
            _check_format(rate_hz, channels)
            self._resamplers = [
                AudioResampler(format="s16", layout=layout, rate=rate) for rate in (rate_hz, self._model_rate_hz)
            ]
        elif form != self._form:
            raise _Changed
        self.samples += frame.samples
        if self.samples > MAX_SECONDS * form[0]:
            raise Refused(TOO_LONG)
        self._write(frame)

    def end(self) -> tuple[int, int]:
        """Writes the rest. Returns the sample rate and the number of channels. Raises Refused if there was nothing."""
        if self._form is None or not self.samples:
            raise Refused("The recording has no samples.")
        self._write(None)
        return self._form[0], self._form[2]

    def _write(self, frame: AudioFrame | None) -> None:
        channels = self._form[2] if self._form else 0
        for resampler, file in zip(self._resamplers, self._files, strict=True):
            for resampled in resampler.resample(frame):
                samples = array("h", bytes(resampled.planes[0])[: resampled.samples * channels * SAMPLE_BYTES])
                if sys.byteorder == "big":
                    samples.byteswap()
                samples.tofile(file)


def _check_format(rate_hz: int, channels: int) -> None:
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise Refused(f"The sample rate must be {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz; it is {rate_hz} Hz.")
    if not 1 <= channels <= MAX_CHANNELS:
        raise Refused(f"The recording must have 1 to {MAX_CHANNELS} channels; it has {channels}.")


def _check_samples(frame: AudioFrame) -> None:
    if not frame.format.name.startswith(("flt", "dbl")):
        return
    import numpy as np

    if not (np.abs(frame.to_ndarray()) < MAX_SAMPLE).all():
        raise Refused("The recording has samples that are not numbers, or far beyond full scale.")


if __name__ == "__main__":
    main(*sys.argv[1:])
