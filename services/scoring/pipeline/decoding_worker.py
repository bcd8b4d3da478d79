"""Decodes one file in a process of its own: `python -m services.scoring.pipeline.decoding_worker IN NATIVE MODEL`.

An uploaded file can exploit a decoder, exhaust memory or claim to be hours long, so it is decoded where it can do no
harm: this process limits its own memory, processor time and output. It writes signed 16-bit little-endian samples,
channels interleaved, to the file NATIVE at the file's own rate and to the file MODEL at 16 kHz. It prints a JSON object
that describes the audio, and exits with status 3 and an object with a `message` if the file is refused.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from services.scoring.pipeline.decoding import MODEL_RATE_HZ, REFUSED_STATUS

MAX_SECONDS = 2 * 60 * 60
MAX_CHANNELS = 8
MIN_RATE_HZ = 4_000
MAX_RATE_HZ = 384_000
MAX_MEMORY_BYTES = 1024 * 1024 * 1024
MAX_PROCESSOR_SECONDS = 300
MAX_FILE_BYTES = 4 * 1024 * 1024 * 1024
CONTAINERS = "wav,w64,aiff,flac,mp3,ogg,mov,mp4,m4a,matroska,webm,aac"
"""Demuxers that may be used. Playlists are not among them, because they would open other files and addresses."""


class Refused(Exception):
    """The file cannot be evaluated. The message says why, in a sentence."""


def main(source: Path, native: Path, model: Path) -> int:
    """Decodes, prints the description and returns the exit status."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_PROCESSOR_SECONDS, MAX_PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    try:
        with source.open("rb") as file, native.open("wb") as native_file, model.open("wb") as model_file:
            description = decode(file, native_file, model_file)
    except Refused as refusal:
        sys.stdout.write(json.dumps({"message": str(refusal)}))
        return REFUSED_STATUS
    sys.stdout.write(json.dumps(description))
    return 0


def decode(source: IO[bytes], native: IO[bytes], model: IO[bytes]) -> dict[str, Any]:
    """Decodes the first audio stream and returns what is known of it. Raises Refused if it cannot be evaluated."""
    try:
        container = av.open(source, mode="r", options={"format_whitelist": CONTAINERS, "protocol_whitelist": ""})
    except (av.FFmpegError, ValueError):
        raise Refused("The file is not audio in a format that can be decoded.") from None
    with container:
        if not container.streams.audio:
            raise Refused("The file has no audio stream.")
        stream = container.streams.audio[0]
        rate_hz, channels = stream.codec_context.sample_rate, stream.codec_context.channels
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise Refused(f"The sample rate must be {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz; it is {rate_hz} Hz.")
        if not 1 <= channels <= MAX_CHANNELS:
            raise Refused(f"The recording must have 1 to {MAX_CHANNELS} channels; it has {channels}.")
        layout = stream.codec_context.layout.name
        outputs = [
            (AudioResampler(format="s16", layout=layout, rate=rate_hz), native),
            (AudioResampler(format="s16", layout=layout, rate=MODEL_RATE_HZ), model),
        ]
        samples, damaged = 0, False
        try:
            for frame in container.decode(stream):
                _check(frame)
                samples += frame.samples
                if samples > MAX_SECONDS * rate_hz:
                    raise Refused(f"The recording is longer than {MAX_SECONDS // 3600} hours.")
                for resampler, file in outputs:
                    _write(resampler.resample(frame), file)
        except (av.FFmpegError, EOFError):
            # What came before a damaged place is good audio.
            damaged = True
        if not samples:
            raise Refused("The recording has no samples.")
        for resampler, file in outputs:
            _write(resampler.resample(None), file)
        return {
            "container": container.format.name.partition(",")[0],
            "codec": stream.codec_context.name,
            "sample_format": stream.codec_context.format.name,
            "sample_rate_hz": rate_hz,
            "channels": channels,
            "damaged": damaged,
        }


def _check(frame: AudioFrame) -> None:
    if frame.format.name.startswith(("flt", "dbl")) and not np.isfinite(frame.to_ndarray()).all():
        raise Refused("The recording has samples that are not numbers.")


def _write(frames: list[AudioFrame], file: IO[bytes]) -> None:
    for frame in frames:
        file.write(frame.to_ndarray().astype("<i2", copy=False).tobytes())


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
