"""Calls a server as fast as possible over persistent HTTP/1.1 connections, and counts the responses.

`python -m tests.bench.http_load HOST PORT SECONDS PATH [HEADER...]` calls one path for some seconds. Without a path, it
makes each call of the JSON list on its standard input once. It prints a line of JSON. It runs in a separate process and
only finds the end of each response, so that it does not limit the rate.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
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
    return await _measured(port, seconds, b"", path, *headers)


async def measure_each(port: int, calls: Sequence[str], seconds: float) -> Load:
    """Makes each of the calls once. Raises RuntimeError if a response is not a 200, or if they take longer."""
    load = await _measured(port, seconds, json.dumps(calls).encode())
    if load.responses < len(calls):
        raise RuntimeError(f"only {load.responses} of {len(calls)} calls ended within {seconds:.0f} s")
    return load


def post(path: str, body: object, *headers: str) -> str:
    """Returns a call for `measure_each`. `body` is sent as JSON."""
    content = json.dumps(body)
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", content])


def get(path: str, *headers: str) -> str:
    """Returns a call for `measure_each`."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""])


async def _measured(port: int, seconds: float, sent: bytes, *arguments: str) -> Load:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.http_load", "127.0.0.1", str(port), str(seconds), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(sent), seconds + 2 * GRACE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise RuntimeError(f"the load generator exited with status {process.returncode}")
    return Load(**json.loads(output))


class Caller(asyncio.Protocol):
    """One connection that makes a call after each response, until `stopping` is set or there are no more requests."""

    def __init__(self, requests: Iterator[bytes], ended: asyncio.Future[None]) -> None:
        self.responses = 0
        self.stopping = False
        self._requests = requests
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
        self._call()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"a connection was lost: {error}")

    def _call(self) -> None:
        request = None if self.stopping else next(self._requests, None)
        if request is not None:
            assert self._transport
            self._transport.write(request)
        elif not self._ended.done():
            self._ended.set_result(None)

    def _fail(self, message: str) -> None:
        if not self._ended.done():
            self._ended.set_exception(RuntimeError(message))


async def load(host: str, port: int, seconds: float, requests: Iterator[bytes]) -> Load:
    """Keeps CONNECTIONS calls in progress for some seconds, or until there are no more requests.

    Raises RuntimeError if a response is not a 200.
    """
    loop = asyncio.get_running_loop()
    endings: list[asyncio.Future[None]] = [loop.create_future() for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    callers = [Caller(requests, ended) for ended in endings]
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
    host, port, seconds, *of_path = sys.argv[1:]
    requests = _repeated(f"{host}:{port}", *of_path) if of_path else _each(sys.stdin.buffer.read())
    result = await load(host, int(port), float(seconds), requests)
    print(json.dumps({"responses": result.responses, "seconds": result.seconds}))  # noqa: T201


def _repeated(address: str, path: str, *headers: str) -> Iterator[bytes]:
    lines = [f"GET {path} HTTP/1.1", f"Host: {address}", *headers]
    return repeat(("\r\n".join(lines) + "\r\n\r\n").encode())


def _each(calls: bytes) -> Iterator[bytes]:
    return iter([call.encode() for call in json.loads(calls)])


if __name__ == "__main__":
    event_loop.run(main())
