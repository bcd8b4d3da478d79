"""The one loop: work that is done again and again while a process runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from services.runtime.db import DISCONNECTED
from services.runtime.errors import BusUnavailable

log = structlog.get_logger()

OUTAGES = (*DISCONNECTED, BusUnavailable)
"""What a round raises while something that every service needs is away."""


async def periodic(
    work: Callable[[], Awaitable[int | None]],
    seconds: float | Callable[[], float],
    *,
    batch: int | None = None,
    wake: asyncio.Event | None = None,
    until: Callable[[], bool] = lambda: False,
    outages: tuple[type[Exception], ...] = OUTAGES,
) -> None:
    """Does a round of work at once, then one every so many seconds, until it is cancelled or `until` holds.

    `work` may return how much it did. After a full `batch` there is probably more, so the next round follows at once.
    `wake` brings the next round forward. It is cleared before each round, so nothing that happens during one is missed.
    A round that fails by one of `outages` is tried again with the next. An outage is logged when it begins and when it
    is over, under the name of this task. Whatever else a round raises ends the loop.
    """
    woken = wake or asyncio.Event()
    away = False
    while not until():
        woken.clear()
        done = 0
        try:
            done = await work() or 0
        except outages as error:
            if not away:
                log.warning("periodic work waits for what it needs", work=_name(), error=str(error))
            away = True
        else:
            if away:
                log.info("periodic work goes on", work=_name())
            away = False
        if is_cancelled():
            raise asyncio.CancelledError
        if until() or (batch is not None and done >= batch):
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds() if callable(seconds) else seconds):
                await woken.wait()


def is_cancelled() -> bool:
    """Tells whether this task was cancelled and goes on all the same.

    `asyncio.wait_for` of Python 3.11 swallows a cancellation that comes at the moment in which what it waits for is
    done, and the NATS client waits with it. So `periodic` looks after each round. Work that takes something in during
    a round looks here, too, before it keeps it.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _name() -> str:
    task = asyncio.current_task()
    return task.get_name() if task else ""
