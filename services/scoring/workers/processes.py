"""The processes that evaluate, as the process that answers calls sees them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import structlog

from services.scoring.backends.backend import BackendSettings
from services.scoring.pipeline.outcome_json import outcome_from_json
from services.scoring.pipeline.step import StepOutcome
from services.scoring.workers import frames
from services.scoring.workers.frames import ConnectionLost
from services.scoring.workers.job import EvaluationFailed, EvaluationJob

log = structlog.get_logger()

LOWEST_NICENESS = 19
"""Evaluations slow nothing else down, such as local voices whose speed is measured."""
MAX_STARTS = 3
"""How often in a row the process with the models may end before it is ready."""
WORKER = (sys.executable, "-m", "services.scoring.workers.evaluation_worker")
MODEL_OWNER = (sys.executable, "-m", "services.scoring.workers.model_owner")


class WorkerDied(Exception):
    """A process ended in the middle of its work. The message names the signal or the exit status."""

    def __init__(self, process: subprocess.Popen[bytes], *, began: bool) -> None:
        status = process.returncode
        super().__init__(signal.Signals(-status).name if status < 0 else f"status {status}")
        self.began = began
        """Whether it had begun to work on the job."""


@dataclass(eq=False, slots=True)
class ChildProcess:
    """A process and the socket to it."""

    popen: subprocess.Popen[bytes]
    reader: StreamReader
    writer: StreamWriter

    @classmethod
    async def start(
        cls, command: Sequence[str], *arguments: str, pass_fds: Iterable[int] = (), nice: bool
    ) -> ChildProcess:
        """Starts a command. It gets the numbers of `pass_fds` and of the socket to this process, then `arguments`."""
        ours, theirs = socket.socketpair()
        with theirs:
            popen = _start(command, (*pass_fds, theirs.fileno()), arguments)
        if nice:
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, popen.pid, LOWEST_NICENESS)
        try:
            reader, writer = await asyncio.open_unix_connection(sock=ours)
        except BaseException:
            popen.kill()
            ours.close()
            raise
        return cls(popen, reader, writer)

    def send(self, message: Any) -> None:
        """Sends a message. If the process has ended, the next `read` raises ConnectionLost."""
        self.writer.write(frames.encoded(message))

    async def read(self) -> Any:
        """Returns the next message. Raises ConnectionLost at the end."""
        return await frames.read(self.reader)

    def kill(self) -> None:
        """Kills the process and those that it started."""
        if self.popen.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kills the process and waits until it has ended."""
        self.kill()
        self.writer.close()
        await asyncio.to_thread(self.popen.wait)


def _start(command: Sequence[str], fds: tuple[int, ...], arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    # What it prints goes to the log. Its own process group has the processes that it starts, too.
    return subprocess.Popen(
        [*command, *map(str, fds), *arguments], stdin=subprocess.DEVNULL, stdout=2, pass_fds=fds, process_group=0
    )


class Worker:
    """A process that evaluates one recording at a time. It has a folder for temporary files."""

    def __init__(self, process: ChildProcess, folder: Path) -> None:
        self._process = process
        self._folder = folder

    @classmethod
    async def start(cls, folder: Path, models: Path, settings: BackendSettings, command: Sequence[str]) -> Worker:
        """Starts a process that finds the models at the socket `models`."""
        own = Path(mkdtemp(prefix="worker-", dir=folder))
        worker = cls(await ChildProcess.start(command, str(own), nice=True), own)
        worker._process.send({"settings": settings, "models": str(models)})
        return worker

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.popen.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended while it had nothing to do."""
        return self._process.reader.at_eof() or self._process.popen.poll() is not None

    async def evaluate(
        self,
        job: EvaluationJob,
        ended: Iterable[StepOutcome],
        on_step: Callable[[StepOutcome], None],
        *,
        alone: bool,
    ) -> float | None:
        """Evaluates a recording and returns its duration, None if it cannot be decoded.

        Raises WorkerDied if the process ends, EvaluationFailed if the evaluation fails.
        """
        self._process.send(
            {
                "id": job.id,
                "developer_id": job.developer_id,
                "audio_path": str(job.audio_path),
                "copy_path": str(job.copy_path or ""),
                "options": job.options,
                "steps": job.steps,
                "conditions": job.conditions,
                "interactive": job.interactive,
                "alone": alone,
                "ended": list(ended),
            }
        )
        began = False
        try:
            while True:
                message = await self._process.read()
                match message["kind"]:
                    case "began":
                        began = True
                    case "step":
                        on_step(outcome_from_json(message["outcome"]))
                    case "ended":
                        duration: float | None = message["duration_seconds"]
                        return duration
                    case "failed":
                        raise EvaluationFailed(message["reason"])
        except ConnectionLost:
            await self.end()
            raise WorkerDied(self._process.popen, began=began) from None

    async def end(self) -> None:
        """Kills the process, waits until it has ended and deletes its temporary files."""
        await self._process.end()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


class ModelOwner:
    """The process with the models. It starts when a worker calls a model. If it ends, the next call starts it again."""

    def __init__(self, address: Path, settings: BackendSettings, command: Sequence[str]) -> None:
        self.address = address
        self._settings = settings
        self._command = command
        self._listening: socket.socket | None = None
        self._process: ChildProcess | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process, None if none runs."""
        return self._process.popen.pid if self._process else None

    def start(self) -> None:
        """Makes models callable at the address. Calls wait there until the process is ready."""
        if self._keeping is None or self._keeping.done():
            # This process listens, so that calls also wait while the owner starts.
            self.address.unlink(missing_ok=True)
            self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listening.bind(str(self.address))
            self._listening.listen(socket.SOMAXCONN)
            self._keeping = asyncio.create_task(self._keep(self._listening))

    async def stop(self) -> None:
        """Ends the process."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def _keep(self, listening: socket.socket) -> None:
        failed = 0
        try:
            while failed < MAX_STARTS:
                await _readable(listening)
                failed += 1
                nice = self._settings.device == "cpu"
                process = await ChildProcess.start(self._command, pass_fds=(listening.fileno(),), nice=nice)
                self._process = process
                try:
                    process.send(self._settings)
                    await process.read()
                    failed = 0
                    await process.read()
                except ConnectionLost:
                    pass
                finally:
                    if self._process is process:
                        self._process = None
                    await process.end()
                log.error("the process with the models ended", returncode=process.popen.returncode)
            log.error("the process with the models does not start")
        finally:
            listening.close()


async def _readable(connection: socket.socket) -> None:
    """Waits until somebody connects."""
    loop, called = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection, called.set)
    try:
        await called.wait()
    finally:
        loop.remove_reader(connection)
