"""Keeps loops from outliving their cancellation."""

import asyncio


def is_cancelled() -> bool:
    """Tells whether this task was cancelled and went on all the same, as `end_if_cancelled` explains."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def end_if_cancelled() -> None:
    """Raises CancelledError if this task was cancelled and went on all the same.

    `asyncio.wait_for` of Python 3.11 swallows a cancellation that comes at the moment in which what it waits for is
    done, and the NATS client waits with it. A loop that has no end of its own calls this in each round.
    """
    if is_cancelled():
        raise asyncio.CancelledError
