"""Recordings of speech, spoken by espeak-ng in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from services.shared.audio.wav import write_wav
from services.tts.providers.espeak_library import EspeakLibrary


def speak(text: str, path: Path, *, speed: float = 1.0) -> Path:
    """Writes a WAV file with the text spoken in American English, and returns its path."""
    subprocess.run([sys.executable, "-m", __name__, text, str(path), str(speed)], check=True)
    return path


def main(text: str, path: str, speed: str) -> None:
    """Speaks in this process. The library has global state."""
    library, pcm = EspeakLibrary(), bytearray()

    def take(piece: bytes) -> bool:
        pcm.extend(piece)
        return True

    library.speak(text, "gmw/en-US", float(speed), take)
    Path(path).write_bytes(write_wav(bytes(pcm), library.sample_rate_hz))


if __name__ == "__main__":
    main(*sys.argv[1:])
