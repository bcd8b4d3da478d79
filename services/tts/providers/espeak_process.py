"""One espeak worker process, as its parent uses it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from services.runtime.outside_text import decoded
from services.tts.domain import FailureKind, SynthesisError, Timing
from services.tts.providers.engine import engine_environment
from services.tts.providers.espeak_frames import HEAD, STAMP, FrameKind, pack, unpack_head

WORKER = (sys.executable, "-m", "services.tts.providers.espeak_worker")
START_TIMEOUT_SECONDS = 10.0
CANCEL_TIMEOUT_SECONDS = 0.5
CLOSE_TIMEOUT_SECONDS = 2.0


class WorkerGone(SynthesisError):
    """The worker process has ended, or sent an invalid message."""

    def __init__(self, message: str) -> None:
        super().__init__(FailureKind.PROVIDER_UNAVAILABLE, message)


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """The content of a worker's READY frame."""

    sample_rate_hz: int
    languages: list[tuple[str, str, list[str]]]
    variants: list[str]


class EspeakProcess:
    """One worker. It speaks one utterance at a time. `usable` says whether it can speak another."""

    def __init__(self, process: asyncio.subprocess.Process, ready: WorkerReady, start_ms: float) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._speaking = False
        self.ready = ready
        self.start_ms = start_ms

    @classmethod
    async def start(cls, command: Sequence[str] = WORKER) -> EspeakProcess:
        """Starts a worker and waits until it can speak. Raises WorkerGone if that takes more than 10 s."""
        began = time.monotonic()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=engine_environment(),
            )
        except OSError as error:
            raise WorkerGone(f"the espeak worker could not be started: {error.strerror}") from error
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                kind, payload = await _read(process.stdout)
            if kind is not FrameKind.READY:
                raise WorkerGone("the espeak worker did not report that it is ready")
            content: dict[str, Any] = json.loads(payload)
        except (WorkerGone, TimeoutError, asyncio.CancelledError) as error:
            await _end(process)
            if isinstance(error, TimeoutError):
                raise WorkerGone(f"the espeak worker was not ready within {START_TIMEOUT_SECONDS:g} s") from None
            raise
        ready = WorkerReady(int(content["sample_rate_hz"]), content["languages"], content["variants"])
        return cls(process, ready, (time.monotonic() - began) * 1000)

    @property
    def usable(self) -> bool:
        return self._process.returncode is None and not self._speaking

    @property
    def pid(self) -> int:
        return self._process.pid

    async def speak(self, request: dict[str, object], timing: Timing) -> AsyncGenerator[bytes, None]:
        """Yields the audio of one utterance. Raises SynthesisError if the worker fails, WorkerGone if it has ended.

        Closing the generator early stops the worker's speech. If that fails, the worker is not `usable` afterwards.
        """
        self._speaking = True
        timing.sent_at = time.monotonic()
        try:
            self._stdin.write(pack(FrameKind.SPEAK, json.dumps(request).encode()))
            while True:
                kind, payload = await _read(self._stdout)
                if kind is FrameKind.AUDIO:
                    timing.received(STAMP.unpack_from(payload)[0])
                    yield payload[STAMP.size :]
                elif kind is FrameKind.DONE:
                    break
                elif kind is FrameKind.FAILED:
                    self._speaking = False
                    raise SynthesisError(FailureKind.PROVIDER_UNAVAILABLE, decoded(payload), worth_a_retry=False)
                else:
                    raise WorkerGone("the espeak worker sent an unexpected message")
            self._speaking = False
        except (asyncio.CancelledError, GeneratorExit):
            await self._cancel()
            raise

    async def close(self) -> None:
        """Ends the process."""
        await _end(self._process)

    async def _cancel(self) -> None:
        try:
            async with asyncio.timeout(CANCEL_TIMEOUT_SECONDS):
                self._stdin.write(pack(FrameKind.CANCEL))
                while (await _read(self._stdout))[0] is FrameKind.AUDIO:
                    pass
                self._speaking = False
        except (TimeoutError, WorkerGone):
            return  # It stays `speaking`, and its owner ends it.


async def _read(stream: asyncio.StreamReader) -> tuple[FrameKind, bytes]:
    try:
        kind, length = unpack_head(await stream.readexactly(HEAD.size))
        return kind, await stream.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
        raise WorkerGone("the espeak worker ended unexpectedly") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    """Closes the pipe and kills the process if it still runs."""
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        process.kill()
    async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
        await process.wait()
