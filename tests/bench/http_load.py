"""Calls one URL as fast as possible over persistent HTTP/1.1 connections, and counts the responses.

`python -m tests.bench.http_load HOST PORT PATH SECONDS [HEADER...]` prints a line of JSON. It runs in a separate
process and only finds the end of each response, so that it does not limit the rate.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from services.runtime import event_loop

CONNECTIONS = 32
# If the server hangs, the benchmark ends after this time.
GRACE_SECONDS = 10.0
END_OF_HEADERS = b"\r\n\r\n"
CONTENT_LENGTH = b"content-length: "


@dataclass(frozen=True)
class Load:
    """The result of a run."""

    responses: int
    seconds: float

    @property
    def rate(self) -> float:
        """Responses per second."""
        return self.responses / self.seconds


async def measure(port: int, path: str, seconds: float, *headers: str) -> Load:
    """Calls `http://127.0.0.1:port/path` for some seconds. Raises RuntimeError if a response is not a 200."""
    arguments = ["127.0.0.1", str(port), path, str(seconds), *headers]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.http_load", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds + 2 * GRACE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise RuntimeError(f"the load generator for {path} exited with status {process.returncode}")
    return Load(**json.loads(output))


class Caller(asyncio.Protocol):
    """One connection that makes a call after each response until `stopping` is set."""

    def __init__(self, request: bytes, ended: asyncio.Future[None]) -> None:
        self.responses = 0
        self.stopping = False
        self._request = request
        self._ended = ended
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports don't inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._call()

    def data_received(self, data: bytes) -> None:
        self._received = received = self._received + data if self._received else data
        end = received.find(END_OF_HEADERS)
        if end < 0:
            return
        if not received.startswith(b"HTTP/1.1 200 "):
            self._fail(f"a response was not 200: {received[:500].decode(errors='replace')}")
            return
        start = received.find(CONTENT_LENGTH, 0, end)
        if start < 0:
            self._fail("a response has no content-length")
            return
        start += len(CONTENT_LENGTH)
        if len(received) < end + len(END_OF_HEADERS) + int(received[start : received.index(b"\r", start)]):
            return
        self._received = b""
        self.responses += 1
        if not self.stopping:
            self._call()
        elif not self._ended.done():
            self._ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"a connection was lost: {error}")

    def _call(self) -> None:
        assert self._transport
        self._transport.write(self._request)

    def _fail(self, message: str) -> None:
        if not self._ended.done():
            self._ended.set_exception(RuntimeError(message))


async def load(host: str, port: int, path: str, seconds: float, headers: Sequence[str]) -> Load:
    """Keeps CONNECTIONS calls in progress for some seconds. Raises RuntimeError if a response is not a 200."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", *headers]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    loop = asyncio.get_running_loop()
    endings: list[asyncio.Future[None]] = [loop.create_future() for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    callers = [Caller(request, ended) for ended in endings]
    await asyncio.gather(*(loop.create_connection(partial(_same, caller), host, port) for caller in callers))
    await asyncio.wait(endings, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for caller in callers:
        caller.stopping = True
    await asyncio.wait_for(asyncio.gather(*endings), GRACE_SECONDS)
    return Load(sum(caller.responses for caller in callers), time.perf_counter() - started)


def _same(caller: Caller) -> Caller:
    return caller


async def main() -> None:
    """Runs the load that the command line describes."""
    host, port, path, seconds, *headers = sys.argv[1:]
    result = await load(host, int(port), path, float(seconds), headers)
    print(json.dumps({"responses": result.responses, "seconds": result.seconds}))  # noqa: T201


if __name__ == "__main__":
    event_loop.run(main())
