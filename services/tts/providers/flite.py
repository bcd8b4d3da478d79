"""flite, if its program is on the PATH. It does not stream: one process per utterance writes a WAV file."""

import asyncio
import re
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from services.runtime.outside_text import decoded
from services.shared.audio.wav import WavError
from services.shared.audio.wav_reader import WavBrokenOff, WavReader
from services.tts.domain import Capabilities, FailureKind, SynthesisError, Timing, Utterance, Voice
from services.tts.providers.engine import SpeechEngine, engine_environment

PROVIDER = "flite"
MAX_TEXT_CHARACTERS = 5000
LIST_TIMEOUT_SECONDS = 5.0
_VOICES = re.compile(r"Voices available:([\w \-]+)")

# Name, languages and sample rate, which flite does not list. `awb_time` can only say the time, so it is not offered.
_KNOWN = {
    "slt": ("SLT, American female", ("en-us",), 16000),
    "rms": ("RMS, American male", ("en-us",), 16000),
    "awb": ("AWB, Scottish male", ("en-gb-scotland",), 16000),
    "kal16": ("KAL, American male, 16 kHz diphones", ("en-us",), 16000),
    "kal": ("KAL, American male, 8 kHz diphones", ("en-us",), 8000),
}


class FliteEngine(SpeechEngine):
    """The engine for the program `flite`."""

    def __init__(self, max_concurrency: int, program: str = "flite") -> None:
        self.capabilities = Capabilities(
            id=PROVIDER,
            display_name="Flite",
            local=True,
            streaming=False,
            max_text_characters=MAX_TEXT_CHARACTERS,
            max_concurrency=max_concurrency,
            parameters=frozenset({"speed"}),
        )
        self._program = program
        self._voices: list[Voice] = []
        self._fault: str | None = "flite has not been checked yet"

    async def start(self) -> None:
        """Finds the program and reads its list of voices."""
        path = shutil.which(self._program)
        if path is None:
            self._fault = (
                f"the program {self._program} is not on the PATH; on Debian and Ubuntu, install the package flite"
            )
            return
        try:
            listing = await _run([path, "-lv"], LIST_TIMEOUT_SECONDS)
        except SynthesisError as error:
            self._fault = error.message
            return
        match = _VOICES.search(listing)
        listed = match[1].split() if match else []
        self._voices = [
            Voice(PROVIDER, voice_id, *_KNOWN[voice_id][:2], sample_rate_hz=_KNOWN[voice_id][2])
            for voice_id in _KNOWN
            if voice_id in listed
        ]
        self._fault = None if self._voices else "flite lists none of the supported voices"

    def unavailable_reason(self) -> str | None:
        return self._fault

    async def voices(self) -> Sequence[Voice]:
        return self._voices

    async def synthesize(self, utterance: Utterance, timing: Timing) -> AsyncGenerator[bytes, None]:
        # flite uses another voice, without an error, if it does not know the requested one.
        if all(voice.voice_id != utterance.voice_id for voice in self._voices):
            raise SynthesisError(FailureKind.UNKNOWN_VOICE, f"flite has no voice {utterance.voice_id!r}")
        stretch = 1 / (utterance.parameters.speed or 1.0)
        # Files, because flite hangs if its output is a pipe.
        with tempfile.TemporaryDirectory(prefix="flite-") as folder:
            text, audio = Path(folder, "text"), Path(folder, "audio.wav")
            await asyncio.to_thread(text.write_text, utterance.text + "\n", encoding="utf-8")
            command = [self._program, "-voice", utterance.voice_id, "--setf", f"duration_stretch={stretch:.4f}"]
            timing.transport = "pipe"
            timing.sent_at = time.monotonic()
            await _run([*command, "-f", str(text), "-o", str(audio)])
            reader = WavReader()
            try:
                pcm = reader.feed(await asyncio.to_thread(audio.read_bytes)) + reader.finish()
            except FileNotFoundError:
                raise SynthesisError(FailureKind.BAD_AUDIO, "flite succeeded but wrote no audio") from None
            except WavBrokenOff as error:
                message = f"flite wrote incomplete audio: it ends {error}"
                raise SynthesisError(FailureKind.PROVIDER_UNAVAILABLE, message) from None
            except WavError as error:
                message = f"flite wrote a WAV that can't be used: {error}"
                raise SynthesisError(FailureKind.BAD_AUDIO, message) from None
        timing.sample_rate_hz = reader.sample_rate_hz
        timing.received(time.monotonic())
        if pcm:
            yield pcm


async def _run(command: list[str], seconds: float | None = None) -> str:
    """Returns what a program prints. Raises SynthesisError if it fails. No time limit if `seconds` is None."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=engine_environment(),
        )
    except OSError as error:
        raise SynthesisError(FailureKind.PROVIDER_UNAVAILABLE, f"flite can't be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(seconds):
            printed, _ = await process.communicate()
    except TimeoutError:
        raise SynthesisError(FailureKind.TIMED_OUT, f"flite did not end within {seconds:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        how = f"ended with status {process.returncode}" if process.returncode > 0 else "crashed"
        raise SynthesisError(FailureKind.PROVIDER_UNAVAILABLE, f"flite {how}")
    return decoded(printed)
