"""Ends streams whose API key is no longer valid.

A key is checked when a call begins, but a stream can stay open for hours. So each process asks auth about twice a
second whether the keys of its open streams are still valid, in one small call for all of them. This finds keys that
were revoked or rotated or have expired, and does not depend on an event.

While auth can't be reached, streams stay open: nobody can revoke a key then either.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from typing import Any, TypeVar

import structlog
from google.rpc import status_pb2

from services.runtime.errors import Unauthenticated
from services.runtime.identity import Caller
from services.runtime.periodic import periodic

log = structlog.get_logger()

CHECK_INTERVAL_SECONDS = 0.4
# How long the end of a stream waits for a message that the client does not read.
MAX_WRITE_SECONDS = 0.4

CheckKeys = Callable[[Collection[str]], Awaitable[Mapping[str, str]]]
"""Returns why keys are no longer valid, by key id, without the keys that are valid."""

M = TypeVar("M")


class OpenStream:
    """One open stream. It is created in the task that sends the responses."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._fault = ""
        self._waiting = False

    async def next(self, responses: AsyncGenerator[M, None]) -> M | None:
        """Returns the next response, or None after the last. Raises Unauthenticated if the stream must end."""
        self._check()
        self._waiting = True
        try:
            response = await anext(responses, None)
        except asyncio.CancelledError:
            if self._fault and self._task is not None:
                self._task.uncancel()
            self._check()
            raise
        finally:
            self._waiting = False
        self._check()
        return response

    def end(self, fault: str) -> None:
        """Ends the stream with a reason (`fault`), whatever it is waiting for."""
        self._fault = fault
        if self._waiting:
            self._cancel()
        else:
            # A message is being sent. The next call of `next` raises the fault, unless the client does not read.
            asyncio.get_running_loop().call_later(MAX_WRITE_SECONDS, self._cancel)

    def closed(self) -> None:
        """Marks the stream as ended."""
        self._task = None

    def _check(self) -> None:
        if self._fault:
            raise Unauthenticated(self._fault)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class OpenStreams:
    """The open streams of a process, by API key."""

    def __init__(self, check: CheckKeys) -> None:
        self._check = check
        self._streams: dict[str, set[OpenStream]] = {}
        self._checking: asyncio.Task[None] | None = None

    @contextmanager
    def opened(self, caller: Caller | None) -> Iterator[OpenStream]:
        """Registers a caller's stream during the block. It is ended if the caller's key becomes invalid."""
        stream = OpenStream()
        key_id = caller.identity.key_id if caller is not None and caller.identity is not None else ""
        if key_id:
            self._streams.setdefault(key_id, set()).add(stream)
            if self._checking is None:
                # An empty context: the task works for many calls and must not have one call's identity or deadline.
                self._checking = asyncio.create_task(self._keep_checking(), context=Context())
        try:
            yield stream
        finally:
            stream.closed()
            if key_id:
                self._streams[key_id].discard(stream)
                if not self._streams[key_id]:
                    del self._streams[key_id]

    async def _keep_checking(self) -> None:
        try:
            await asyncio.sleep(CHECK_INTERVAL_SECONDS)
            await periodic(self._end_faulty, CHECK_INTERVAL_SECONDS, until=lambda: not self._streams)
        finally:
            self._checking = None

    async def _end_faulty(self) -> None:
        try:
            faults = await self._check(list(self._streams))
        except Exception as error:  # noqa: BLE001 - whatever the reason, auth is asked again
            log.debug("the keys of open streams can't be checked", error=str(error))
            return
        for key_id, fault in faults.items():
            for stream in list(self._streams.get(key_id, ())):
                stream.end(fault)


def failure_message(response: Any, status: status_pb2.Status) -> Any | None:
    """Returns a last message that tells a JSON client why its stream ends, or None if the stream has no such message.

    It has the type of the stream's other responses, which must have a kind `failed` and a google.rpc.Status `error`.
    """
    kind = getattr(response, "failed", None)
    if kind is None or "error" not in response.DESCRIPTOR.fields_by_name:
        return None
    return type(response)(kind=kind, error=status)
