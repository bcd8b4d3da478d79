"""Work that goes on while a process runs: the one place where such tasks are begun, begun again, and ended."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import structlog

from services.runtime.backoff import Backoff

log = structlog.get_logger()

Work = Callable[[], Awaitable[None]]

RESTARTS = Backoff(0.2, 10.0)
# A network that is away for a moment breaks work once or twice. What breaks more often in a row is a fault to tell of.
FAILURES_TO_TELL = 3
CANCELLATIONS = 3
CANCEL_SECONDS = 1.0


class WorkEnded(Exception):
    """Work that should go on for ever has come to an end."""


class Background:
    """The work of one process, by name. However a piece of work ends, it is begun again, later each time.

    Should the task that sees to this end itself, `lost` is called, and the process has to end: its supervisor starts it
    anew.
    """

    def __init__(self, lost: Callable[[str], None]) -> None:
        self._lost = lost
        self._work: dict[str, Work] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, tuple[int, Exception]] = {}
        self._ending = False

    def add(self, name: str, work: Work) -> None:
        """Adds work, which `start` begins."""
        self._work[name] = work

    def start(self) -> None:
        """Begins all work."""
        for name, work in self._work.items():
            task = asyncio.create_task(self._keep(name, work), name=name)
            task.add_done_callback(self._ended)
            self._tasks[name] = task

    def failing(self) -> Mapping[str, Exception]:
        """Returns the work that has broken several times in a row and has not gone on for long since, and why."""
        return {name: error for name, (count, error) in self._failures.items() if count >= FAILURES_TO_TELL}

    async def end(self) -> None:
        """Cancels all work and waits for its end."""
        self._ending = True
        await end_tasks(self._tasks.values())

    async def _keep(self, name: str, work: Work) -> None:
        loop = asyncio.get_running_loop()
        breaks = 0
        while True:
            # Long enough without a fault, and what was is forgotten.
            sound = loop.call_later(RESTARTS.max_seconds, self._failures.pop, name, None)
            started = loop.time()
            error: Exception
            try:
                await work()
                error = WorkEnded(f"{name} has ended")
            except asyncio.CancelledError:
                if self._ending:
                    raise
                # By a fault of its own: nobody else cancels these tasks.
                error = WorkEnded(f"{name} was cancelled")
            except Exception as failure:  # noqa: BLE001 - whatever it is, the work goes on
                error = failure
            finally:
                sound.cancel()
            count, _ = self._failures.get(name, (0, error))
            self._failures[name] = count + 1, error
            log.error("background work broke", work=name, exc_info=error)
            breaks = 1 if loop.time() - started > RESTARTS.max_seconds else breaks + 1
            await asyncio.sleep(RESTARTS.seconds(breaks))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not self._ending:
            self._lost(task.get_name())


async def end_tasks(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancels tasks until they have ended: one that swallows a cancellation gets it again, a few times."""
    left = set(tasks)
    for _ in range(CANCELLATIONS):
        for task in left:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=CANCEL_SECONDS)
    if left:
        log.error("background work did not end", work=[task.get_name() for task in left])
