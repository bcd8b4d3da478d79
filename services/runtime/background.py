"""Starts, restarts and ends the background work of a process."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import structlog

from services.runtime.backoff import Backoff

log = structlog.get_logger()

Work = Callable[[], Awaitable[None]]

RESTARTS = Backoff(0.2, 10.0)
# A short network outage makes work fail once or twice. More failures in a row make the health check fail.
MIN_REPORTED_FAILURES = 3
MAX_CANCELLATIONS = 3
CANCEL_TIMEOUT_SECONDS = 1.0


class WorkEnded(Exception):
    """Background work has ended although it should run until the process stops."""


class Background:
    """The background work of one process, by name. Work that ends or fails is restarted, after a growing delay.

    If the task that restarts the work ends itself, `lost` is called with the name of the work. Then the process must
    end, so that its supervisor starts it again.
    """

    def __init__(self, lost: Callable[[str], None]) -> None:
        self._lost = lost
        self._work: dict[str, Work] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, tuple[int, Exception]] = {}
        self._ending = False

    def add(self, name: str, work: Work) -> None:
        """Adds work for `start`."""
        self._work[name] = work

    def start(self) -> None:
        """Starts all work."""
        for name, work in self._work.items():
            task = asyncio.create_task(self._keep(name, work), name=name)
            task.add_done_callback(self._ended)
            self._tasks[name] = task

    def failing(self) -> Mapping[str, Exception]:
        """Returns the work that failed three times in a row and has not run for 10 seconds since, with the error."""
        return {name: error for name, (count, error) in self._failures.items() if count >= MIN_REPORTED_FAILURES}

    async def end(self) -> None:
        """Cancels all work and waits until it has ended."""
        self._ending = True
        await end_tasks(self._tasks.values())

    async def _keep(self, name: str, work: Work) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            # After running long enough, earlier failures no longer count.
            reset = loop.call_later(RESTARTS.max_seconds, self._failures.pop, name, None)
            started = loop.time()
            error: Exception
            try:
                await work()
                error = WorkEnded(f"{name} has ended")
            except asyncio.CancelledError:
                if self._ending:
                    raise
                # The work cancelled itself: nothing else cancels these tasks.
                error = WorkEnded(f"{name} was cancelled")
            except Exception as failure:  # noqa: BLE001 - after any error the work is restarted
                error = failure
            finally:
                reset.cancel()
            count, _ = self._failures.get(name, (0, error))
            self._failures[name] = count + 1, error
            log.error("background work failed", work=name, exc_info=error)
            failures = 1 if loop.time() - started > RESTARTS.max_seconds else failures + 1
            await asyncio.sleep(RESTARTS.seconds(failures))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not self._ending:
            self._lost(task.get_name())


async def end_tasks(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancels tasks and waits until they have ended. Tasks that lose a cancellation are cancelled again, twice."""
    left = set(tasks)
    for _ in range(MAX_CANCELLATIONS):
        for task in left:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=CANCEL_TIMEOUT_SECONDS)
    if left:
        log.error("background work did not end", work=[task.get_name() for task in left])
