"""Ends streams whose API key is not good any more.

A key is checked when a call begins, and a stream may be open for hours. So each process asks auth twice a second about
the keys with which its streams are open: one small call, however many streams there are, and none while there are
none. That covers keys that are revoked, expire or were rotated, and needs no event to arrive.

While auth can't be asked streams go on: then nobody can revoke a key either.
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

CHECK_SECONDS = 0.4
# How long a message that its client does not read may hold up the end of its stream.
MAX_WRITE_SECONDS = 0.4

CheckKeys = Callable[[Collection[str]], Awaitable[Mapping[str, str]]]
"""Returns why keys are not good any more, by id; those that are good are left out."""

M = TypeVar("M")


class OpenStream:
    """A stream under way, in the task that answers it."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._fault = ""
        self._waiting = False

    async def next(self, responses: AsyncGenerator[M, None]) -> M | None:
        """Returns the next response, None after the last; Unauthenticated once the stream has to end."""
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
        """Makes the stream end, whatever it waits for."""
        self._fault = fault
        if self._waiting:
            self._cancel()
        else:
            # A message is on its way to the client, and what comes after it sees the fault.
            asyncio.get_running_loop().call_later(MAX_WRITE_SECONDS, self._cancel)

    def closed(self) -> None:
        """Says that the stream has ended."""
        self._task = None

    def _check(self) -> None:
        if self._fault:
            raise Unauthenticated(self._fault)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class OpenStreams:
    """The streams of a process, by the API key with which they were opened."""

    def __init__(self, check: CheckKeys) -> None:
        self._check = check
        self._streams: dict[str, set[OpenStream]] = {}
        self._checking: asyncio.Task[None] | None = None

    @contextmanager
    def opened(self, caller: Caller | None) -> Iterator[OpenStream]:
        """Has a stream of a caller ended when their key stops being good, as long as the block lasts."""
        stream = OpenStream()
        key_id = caller.identity.key_id if caller is not None and caller.identity is not None else ""
        if key_id:
            self._streams.setdefault(key_id, set()).add(stream)
            if self._checking is None:
                # It works for many calls, so it has the identity, deadline and trace of none.
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
            await asyncio.sleep(CHECK_SECONDS)
            await periodic(self._end_faulty, CHECK_SECONDS, until=lambda: not self._streams)
        finally:
            self._checking = None

    async def _end_faulty(self) -> None:
        try:
            faults = await self._check(list(self._streams))
        except Exception as error:  # noqa: BLE001 - whatever keeps auth from answering, it is asked again
            log.debug("the keys of open streams can't be checked", error=str(error))
            return
        for key_id, fault in faults.items():
            for stream in list(self._streams.get(key_id, ())):
                stream.end(fault)


def failure_message(response: Any, status: status_pb2.Status) -> Any | None:
    """Returns the message that says in a stream of JSON why it ends, None if the stream has no such message.

    It is of the type of the stream's other responses, if they have a kind `failed` and an `error` of google.rpc.Status.
    """
    kind = getattr(response, "failed", None)
    if kind is None or "error" not in response.DESCRIPTOR.fields_by_name:
        return None
    return type(response)(kind=kind, error=status)
