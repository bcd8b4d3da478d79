"""Collects speech from the API and writes it to a WAV file or a pipe, or plays it."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from google.api.httpbody_pb2 import HttpBody

SAMPLE_BYTES = 2
# 5000 characters at the slowest speed take less than 20 minutes, which is less than 116 MB at 48 kHz.
MAX_AUDIO_BYTES = 128 * 1024 * 1024
PLAYERS = (
    ("afplay", "{file}"),
    ("paplay", "{file}"),
    ("aplay", "-q", "{file}"),
    ("ffplay", "-loglevel", "error", "-nodisp", "-autoexit", "{file}"),
)
STDOUT = "-"


@dataclass(frozen=True)
class ReceivedSpeech:
    """Speech as the caller received it: signed 16-bit little-endian mono samples, and how long they took."""

    samples: bytes
    sample_rate_hz: int
    ttfb_ms: float
    total_ms: float

    @property
    def duration_seconds(self) -> float:
        """The duration of the audio in seconds."""
        return len(self.samples) / SAMPLE_BYTES / self.sample_rate_hz

    def wav(self) -> bytes:
        """Returns the audio as a WAV file."""
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(SAMPLE_BYTES)
            file.setframerate(self.sample_rate_hz)
            file.writeframes(self.samples)
        return buffer.getvalue()


def collect(chunks: Iterable[HttpBody], clock: Callable[[], float] = time.perf_counter) -> ReceivedSpeech:
    """Collects the chunks of a PCM stream. Raises CliError if there is no audio, or more than MAX_AUDIO_BYTES."""
    start = clock()
    first: float | None = None
    rate: int | None = None
    samples = bytearray()
    for chunk in chunks:
        if rate is None:
            rate = pcm_sample_rate(chunk.content_type)
        if chunk.data and first is None:
            first = clock()
        samples += chunk.data
        if len(samples) > MAX_AUDIO_BYTES:
            raise CliError(
                f"The provider sent more than {MAX_AUDIO_BYTES // 1024**2} MiB of audio.", hint="Try another voice."
            )
    if rate is None or first is None:
        raise CliError("The provider sent no audio.", hint="Try another voice.")
    # A stream that was cut off can end with half a sample.
    whole = bytes(samples[: len(samples) // SAMPLE_BYTES * SAMPLE_BYTES])
    return ReceivedSpeech(whole, rate, (first - start) * 1000, (clock() - start) * 1000)


def pcm_sample_rate(content_type: str) -> int:
    """Returns the rate in `audio/l16;rate=24000;channels=1`. Raises CliError for any other type."""
    header = Message()
    header["content-type"] = content_type
    rate = header.get_param("rate")
    if header.get_content_type() != "audio/l16" or not isinstance(rate, str) or not rate.isdigit() or int(rate) == 0:
        raise CliError(f"The gateway must send PCM audio. It sent {content_type or 'no content type'}.")
    return int(rate)


def save(utterance: ReceivedSpeech, destination: str) -> None:
    """Writes the WAV to a file, or to stdout if `destination` is `-`. Raises CliError if it can't be written."""
    if destination == STDOUT:
        sys.stdout.buffer.write(utterance.wav())
        sys.stdout.buffer.flush()
        return
    try:
        Path(destination).write_bytes(utterance.wav())
    except OSError as error:
        raise CliError(
            f"Can't write {destination}: {error.strerror}.", ExitCode.USAGE, hint="Name another file with --out."
        ) from None


def installed_player() -> tuple[str, ...] | None:
    """Returns the command of the first installed player, with its path and `{file}` for the file. None without one."""
    for program, *arguments in PLAYERS:
        found = shutil.which(program)
        if found is not None:
            return found, *arguments
    return None


def play(path: str, duration_seconds: float) -> None:
    """Plays a WAV file with the first installed player, and waits for its end. Raises CliError if that fails."""
    player = installed_player()
    if player is not None:
        command = [argument.format(file=path) for argument in player]
        program = Path(player[0]).name
        try:
            done = subprocess.run(command, timeout=duration_seconds + 15, capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired:
            raise CliError(f"{program} did not finish playing {path}.") from None
        if done.returncode != 0:
            words = done.stderr.strip().splitlines()
            raise CliError(f"{program} could not play {path}: {words[-1] if words else done.returncode}.")
        return
    names = ", ".join(program for program, *_ in PLAYERS)
    raise CliError("No audio player was found.", ExitCode.USAGE, hint=f"Install one of {names}, or leave out --play.")
