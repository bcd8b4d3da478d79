"""A supervised child process. It is started again after a growing delay whenever it ends unexpectedly."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.data_dir import DataDir
from deploy.local.errors import MeshError

PrintLine = Callable[[str], None]

WRAPPER = Path(__file__).parent / "child.py"
FIRST_DELAY_SECONDS = 0.25
MAX_DELAY_SECONDS = 15.0
# A process that ran this long has recovered. Its next delay is FIRST_DELAY_SECONDS again.
RECOVERED_AFTER_SECONDS = 30.0


@dataclass(frozen=True)
class ProcessUser:
    """The user of a process, and the capabilities that it keeps as a bit mask."""

    uid: int
    gid: int
    capabilities: int = 0


@dataclass(frozen=True)
class Command:
    """How to start and stop a process."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """The whole environment. Nothing of the supervisor's environment is added."""
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """The signal that it gets if the supervisor is killed."""
    user: ProcessUser | None = None


class Process:
    """A child that is kept running until it is stopped."""

    def __init__(self, command: Command, data_dir: DataDir, print_line: PrintLine, stop_seconds: float) -> None:
        self.command = command
        self.exits = 0
        """How often it ended unexpectedly."""
        self.exit_status: int | None = None
        """The last exit status; negative for a signal."""
        self._data_dir = data_dir
        self._print_line = ignoring_errors(print_line)
        self._stop_seconds = stop_seconds
        self._child: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._start_now = asyncio.Event()
        self._delay_seconds = FIRST_DELAY_SECONDS
        self._changed = asyncio.Condition()
        self._changing = asyncio.Lock()
        self.should_run = False
        """Whether it was started and not stopped since."""
        self.starts = 0
        """How often it has been started."""

    @property
    def pid(self) -> int:
        """The process id of the running child. Raises MeshError if none runs."""
        if self._child is None:
            raise MeshError(f"{self.command.name} is not running")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether a child runs now."""
        return self._child is not None

    async def start(self) -> None:
        """Starts it and keeps it running. Returns after the first start."""
        async with self._changing:
            await self._start()

    async def stop(self) -> None:
        """Asks it to stop, kills it after `stop_seconds`, and waits until it has ended. It is not started again."""
        async with self._changing:
            await self._stop()

    async def restart(self, between: Callable[[], None] = lambda: None) -> None:
        """Stops it, calls `between`, and starts it again. Does nothing if it was stopped."""
        async with self._changing:
            if self.should_run:
                await self._stop()
                between()
                await self._start()

    async def _start(self) -> None:
        self.should_run = True
        self._stopping.clear()
        await self._spawn()
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervise {self.command.name}")

    async def _stop(self) -> None:
        self.should_run = False
        self._stopping.set()
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        self.send(self.command.stop_signal)
        try:
            await asyncio.wait_for(asyncio.shield(supervisor), self._stop_seconds)
        except TimeoutError:
            self._print_line(f"{self.command.name} did not stop within {self._stop_seconds:g} s and is killed")
            self.send(signal.SIGKILL)
            await supervisor

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal if it runs."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(number)

    def interrupt(self, number: signal.Signals) -> None:
        """Sends it a signal on purpose. If it ends, it has not failed: its next delay is FIRST_DELAY_SECONDS."""
        self._delay_seconds = FIRST_DELAY_SECONDS
        self.send(number)

    def start_now(self) -> None:
        """Ends the delay before the next start."""
        self._start_now.set()

    async def wait_started(self, times: int) -> None:
        """Waits until it has been started `times` times in total."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.starts >= times)

    async def wait_exited(self, times: int) -> None:
        """Waits until it has ended unexpectedly `times` times in total."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.exits >= times)

    async def _spawn(self) -> None:
        user = self.command.user
        identity = (user.uid, user.gid, user.capabilities) if user else (-1, -1, 0)
        prefix = [sys.executable, "-I", "-S", WRAPPER, os.getpid(), int(self.command.death_signal), *identity]
        with self._data_dir.open_log(self.command.name) as log:
            self._child = await asyncio.create_subprocess_exec(
                *map(str, prefix),
                *self.command.arguments,
                env=dict(self.command.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal then reaches only the supervisor, which stops its children in order.
                start_new_session=True,
            )
        async with self._changed:
            self.starts += 1
            self._changed.notify_all()

    async def _supervise(self) -> None:
        clock = asyncio.get_running_loop().time
        self._delay_seconds = FIRST_DELAY_SECONDS
        while True:
            started = clock()
            await self._reap()
            if self._stopping.is_set():
                return
            if clock() - started > RECOVERED_AFTER_SECONDS:
                self._delay_seconds = FIRST_DELAY_SECONDS
            async with self._changed:
                self.exits += 1
                self._changed.notify_all()
            reason = self._exit_reason()
            self._print_line(
                f"{self.command.name} ended with {reason}; it is started again in {self._delay_seconds:g} s"
            )
            while True:
                await self._pause(self._delay_seconds)
                if self._stopping.is_set():
                    return
                self._delay_seconds = min(self._delay_seconds * 2, MAX_DELAY_SECONDS)
                try:
                    await self._spawn()
                    break
                except OSError as error:
                    # Memory, processes or files are exhausted. They may be available a moment later.
                    self._print_line(
                        f"{self.command.name} can't be started: {error}; the next try is in {self._delay_seconds:g} s"
                    )

    async def _pause(self, seconds: float) -> None:
        """Waits for `seconds`, or until `stop` or `start_now` is called."""
        self._start_now.clear()
        waits = [asyncio.create_task(event.wait()) for event in (self._stopping, self._start_now)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _reap(self) -> None:
        assert self._child is not None
        self.exit_status = await self._child.wait()
        # Its own children are in the process group of its session.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child = None

    def _exit_reason(self) -> str:
        status = self.exit_status or 0
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"


def ignoring_errors(print_line: PrintLine) -> PrintLine:
    """Returns a `print_line` that ignores errors, such as a closed terminal or a full disk."""

    def safely(line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            print_line(line)

    return safely
