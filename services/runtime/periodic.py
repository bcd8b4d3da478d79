"""Runs work at intervals while a process runs. All periodic work uses this loop."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from services.runtime.disconnections import is_disconnected
from services.runtime.errors import BusUnavailable

log = structlog.get_logger()


async def periodic(
    work: Callable[[], Awaitable[int | None]],
    seconds: float | Callable[[], float],
    *,
    batch: int | None = None,
    wake: asyncio.Event | None = None,
    until: Callable[[], bool] = lambda: False,
    outages: tuple[type[Exception], ...] | None = None,
) -> None:
    """Calls `work` at once, then every `seconds`, until it is cancelled or `until` returns True.

    `work` can return how much it did. If that is a full `batch` there is probably more, so the next round follows at
    once. Setting `wake` starts the next round early. It is cleared before each round, so a round never misses it.

    A round that raises one of `outages` does not end the loop. By default these are the errors of a database or a bus
    that is down. The start and the end of an outage are logged with the name of the current task. Any other exception
    ends the loop.
    """
    woken = wake or asyncio.Event()
    in_outage = False
    while not until():
        woken.clear()
        done = 0
        try:
            done = await work() or 0
        except Exception as error:
            if not (_is_outage(error) if outages is None else isinstance(error, outages)):
                raise
            if not in_outage:
                log.warning("periodic work waits for the database or the bus", work=_name(), error=str(error))
            in_outage = True
        else:
            if in_outage:
                log.info("periodic work continues", work=_name())
            in_outage = False
        if is_cancelled():
            raise asyncio.CancelledError
        if until() or (batch is not None and done >= batch):
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds() if callable(seconds) else seconds):
                await woken.wait()


def is_cancelled() -> bool:
    """Returns whether the current task was cancelled but lost the cancellation.

    In Python 3.11, `asyncio.wait_for` loses a cancellation that arrives at the moment when its awaitable completes, and
    the NATS client uses it. So `periodic` checks this after each round. Work that receives something during a round
    must check it too, before it keeps what it received.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _is_outage(error: Exception) -> bool:
    return is_disconnected(error) or isinstance(error, BusUnavailable)


def _name() -> str:
    task = asyncio.current_task()
    return task.get_name() if task else ""
