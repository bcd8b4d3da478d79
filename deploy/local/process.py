"""One supervised child process: started again, after a growing delay, whenever it ends unasked."""

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

Say = Callable[[str], None]

WRAPPER = Path(__file__).parent / "child.py"
FIRST_DELAY_SECONDS = 0.25
MAX_DELAY_SECONDS = 15.0
# A process that ran this long has recovered: its next delay is the first again.
SOUND_AFTER_SECONDS = 30.0


@dataclass(frozen=True)
class User:
    """Whom a process runs as, and the capabilities that it keeps, as a bit mask."""

    uid: int
    gid: int
    capabilities: int = 0


@dataclass(frozen=True)
class Command:
    """What a process is and how it is stopped."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """All of it: nothing of the supervisor's own is added."""
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """What it gets if the supervisor is killed."""
    user: User | None = None


class Process:
    """A child that is kept running until it is stopped."""

    def __init__(self, command: Command, data_dir: DataDir, say: Say, stop_seconds: float) -> None:
        self.command = command
        self.exits = 0
        """How often it ended unasked."""
        self.exit_status: int | None = None
        """What it last ended with; negative for a signal."""
        self._data_dir = data_dir
        self._say = never_failing(say)
        self._stop_seconds = stop_seconds
        self._child: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._changed = asyncio.Condition()
        self._changing = asyncio.Lock()
        self.wanted = False
        """Whether it is to run: it was started and not stopped since."""
        self.starts = 0
        """How often it has been started."""

    @property
    def pid(self) -> int:
        """The process id of the child that runs now; MeshError if none does."""
        if self._child is None:
            raise MeshError(f"{self.command.name} is not running")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether a child runs now."""
        return self._child is not None

    async def start(self) -> None:
        """Starts it and keeps it running. Returns once it has been started the first time."""
        async with self._changing:
            await self._start()

    async def stop(self) -> None:
        """Asks it to stop, kills it if it does not in time, and waits until it is gone. It is not started again."""
        async with self._changing:
            await self._stop()

    async def restart(self, between: Callable[[], None] = lambda: None) -> None:
        """Stops it in order, calls `between`, and starts it again; does nothing if somebody has stopped it."""
        async with self._changing:
            if self.wanted:
                await self._stop()
                between()
                await self._start()

    async def _start(self) -> None:
        self.wanted = True
        self._stopping.clear()
        await self._spawn()
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervise {self.command.name}")

    async def _stop(self) -> None:
        self.wanted = False
        self._stopping.set()
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        self.send(self.command.stop_signal)
        try:
            await asyncio.wait_for(asyncio.shield(supervisor), self._stop_seconds)
        except TimeoutError:
            self._say(f"{self.command.name} did not stop within {self._stop_seconds:g} s and is killed")
            self.send(signal.SIGKILL)
            await supervisor

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to it, if it runs."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(number)

    def hurry(self) -> None:
        """Starts it at once if it waits to be started again, since what made it end is over."""
        self._hurry.set()

    async def wait_started(self, times: int) -> None:
        """Waits until it has been started `times` times in all."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.starts >= times)

    async def wait_exited(self, times: int) -> None:
        """Waits until it has ended unasked `times` times in all."""
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
                # Ctrl-C in the terminal is for the supervisor, which stops its children in order.
                start_new_session=True,
            )
        async with self._changed:
            self.starts += 1
            self._changed.notify_all()

    async def _supervise(self) -> None:
        clock = asyncio.get_running_loop().time
        delay = FIRST_DELAY_SECONDS
        while True:
            started = clock()
            await self._reap()
            if self._stopping.is_set():
                return
            if clock() - started > SOUND_AFTER_SECONDS:
                delay = FIRST_DELAY_SECONDS
            async with self._changed:
                self.exits += 1
                self._changed.notify_all()
            self._say(f"{self.command.name} ended with {self._ending()}; it is started again in {delay:g} s")
            while True:
                await self._pause(delay)
                if self._stopping.is_set():
                    return
                delay = min(delay * 2, MAX_DELAY_SECONDS)
                try:
                    await self._spawn()
                    break
                except OSError as error:
                    # No memory, no process or no file to spare: a moment later there may be.
                    self._say(f"{self.command.name} can't be started: {error}; it is tried again in {delay:g} s")

    async def _pause(self, seconds: float) -> None:
        """Waits so long, or until it is to stop or to hurry."""
        self._hurry.clear()
        waits = [asyncio.create_task(event.wait()) for event in (self._stopping, self._hurry)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _reap(self) -> None:
        assert self._child is not None
        self.exit_status = await self._child.wait()
        # What it started itself is in its session's group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child = None

    def _ending(self) -> str:
        status = self.exit_status or 0
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"


def never_failing(say: Say) -> Say:
    """Returns a `say` that can be called where the terminal is gone, or the disk that it is written to is full."""

    def safely(line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            say(line)

    return safely
