"""The base of the stand-ins for speech providers: HTTP/1.1 over a real socket, scripted behaviours, and counts.

A stand-in checks requests as strictly as its provider and sends the provider's errors. The voice of a valid request
selects the behaviour, so one server offers every behaviour. The behaviours in `script` for a voice are used first, each
once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from abc import ABC, abstractmethod
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.fakes.behaviours import BEHAVIOURS, RAW, SAMPLE_RATE_HZ, Behaviour, tone
from tests.fakes.request_checks import Request

__all__ = ["BEHAVIOURS", "RAW", "SAMPLE_RATE_HZ", "Behaviour", "Refusal", "Request", "Speech", "SpeechServer", "tone"]

MAX_BODY_BYTES = 64 * 1024
COUNTS_PATH = "/stand-in/counts"


@dataclass(frozen=True)
class Refusal:
    """A provider's error in one of the cases that all providers have."""

    status: int
    code: str
    message: str


@dataclass(frozen=True)
class Speech:
    """A valid request for speech. `body` is the body that was sent."""

    voice: str
    text: str
    body: Mapping[str, object]


class SpeechServer(ABC):
    """A stand-in. `requests` are the bodies of valid requests. `gone` is set when a client leaves during a response.

    `requests_by_voice` and `requests_by_text` count valid requests by voice and by text, including refused ones.
    `most_at_once` is the highest number of requests in progress at the same time. More than `allowed_at_once` are
    refused as the provider refuses them.
    """

    unauthorized: Refusal
    payment: Refusal
    spent: Refusal
    limited: Refusal
    full: Refusal
    failing: Refusal
    overloaded: Refusal

    def __init__(self, key: str = "", seconds: float = 0.0, allowed_at_once: int | None = None) -> None:
        self.key = key
        self.allowed_at_once = allowed_at_once
        self.behaviours: dict[str, Behaviour] = {
            **BEHAVIOURS,
            "steady": replace(BEHAVIOURS["steady"], before_seconds=seconds),
            "unauthorized": self._error(self.unauthorized),
            "payment": self._error(self.payment),
            "spent": self._error(self.spent),
            "limited": self._error(self.limited, **{"retry-after": "1"}),
            "limited_until": replace(self._error(self.limited), retry_after_date_seconds=30),
            "full": self._error(self.full),
            # A message with control characters, which cannot be stored or shown unchanged.
            "odd_words": self._error(
                Refusal(self.spent.status, f"{self.spent.code}\0", f"\x1b[1m{self.spent.message}\0")
            ),
            "failing": self._error(self.failing),
            "overloaded": self._error(self.overloaded),
        }
        self.script: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        self.listing: Behaviour | None = None
        """The response to a request for voices; the names of all behaviours if None."""
        self.requests: list[Mapping[str, object]] = []
        self.requests_by_voice: Counter[str] = Counter()
        self.requests_by_text: Counter[str] = Counter()
        self.listings = 0
        self.connections = 0
        self.most_at_once = 0
        self.asked = asyncio.Event()
        self.gone = asyncio.Event()
        self.port = 0
        self._at_once = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def at_once(self) -> int:
        """The number of requests for speech in progress."""
        return self._at_once

    @abstractmethod
    def answer(self, request: Request) -> Speech | Behaviour:
        """Returns the requested speech, or any other response, such as `voices_answer` for a list of voices."""

    @abstractmethod
    def refusal(self, status: int, message: str, code: str = "", **headers: str) -> Behaviour:
        """Returns a response with the provider's error body."""

    def framing(self, behaviour: Behaviour) -> tuple[str, Callable[[bytes], bytes], bytes]:
        """Returns the content type, a function that frames a piece of audio, and the end of the response."""
        return behaviour.content_type, lambda piece: piece, b""

    def headers(self) -> Mapping[str, str]:
        """Returns the headers of every response, besides those of its behaviour."""
        return {}

    def voices_answer(self, value: object) -> Behaviour:
        """Returns the response with a list of voices, or `listing` if it is set."""
        self.listings += 1
        return self.listing or Behaviour(200, "application/json", json.dumps(value).encode())

    def counts(self) -> Mapping[str, object]:
        """Returns the counts, which are also served under COUNTS_PATH."""
        return {
            "requests": sum(self.requests_by_voice.values()),
            "by_voice": dict(self.requests_by_voice),
            "by_text": dict(self.requests_by_text),
            "most_at_once": self.most_at_once,
            "connections": self.connections,
            "listings": self.listings,
        }

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[Self]:
        """Listens on a port (a free one if 0), and closes every connection at the end."""
        server = await asyncio.start_server(self._converse, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _error(self, refusal: Refusal, **headers: str) -> Behaviour:
        return self.refusal(refusal.status, refusal.message, refusal.code, **headers)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            # The task is cancelled when the server ends.
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                first_byte: bytes | None = b""
                while first_byte is not None:
                    first_byte = await self._exchange(await _read(first_byte, reader), reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        """Serves one request. Returns the first byte of the next request, if it has arrived, None at the end."""
        arrived = asyncio.get_running_loop().time()
        requested = self._requested(request)
        speaks = isinstance(requested, Speech)
        if speaks:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.asked.set()
        behaviour = self._behaviour(requested) if isinstance(requested, Speech) else requested

        def speech_ended() -> None:
            nonlocal speaks
            self._at_once -= speaks
            speaks = False

        responding = asyncio.create_task(self._respond(behaviour, arrived, writer, speech_ended))
        # End of file during the response means that the client has left. A byte belongs to its next request.
        next_byte = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({responding, next_byte}, return_when=asyncio.FIRST_COMPLETED)
            if next_byte.done() and not next_byte.result() and not responding.done():
                self.gone.set()
                return None
            reusable = await responding
            first_byte = next_byte.result() if next_byte.done() else b""
            return first_byte if reusable else None
        finally:
            speech_ended()
            for task in (responding, next_byte):
                task.cancel()
            await asyncio.gather(responding, next_byte, return_exceptions=True)

    def _requested(self, request: Request) -> Speech | Behaviour:
        if request.path == COUNTS_PATH:
            return Behaviour(200, "application/json", json.dumps(self.counts()).encode())
        return self.answer(request)

    def _behaviour(self, speech: Speech) -> Behaviour:
        """Counts a request and returns its behaviour: from the script, or that of the voice."""
        self.requests.append(speech.body)
        self.requests_by_voice[speech.voice] += 1
        self.requests_by_text[speech.text] += 1
        if self.script[speech.voice]:
            return self.script[speech.voice].popleft()
        if self.allowed_at_once is not None and self._at_once > self.allowed_at_once:
            return self._error(self.full)
        return self.behaviours[speech.voice]

    async def _respond(
        self, behaviour: Behaviour, arrived: float, writer: asyncio.StreamWriter, speech_ended: Callable[[], None]
    ) -> bool:
        content_type, framed, end = self.framing(behaviour)
        head = {"content-type": content_type, "transfer-encoding": "chunked", **self.headers(), **behaviour.headers}
        if behaviour.retry_after_date_seconds is not None:
            at = datetime.now(UTC) + timedelta(seconds=behaviour.retry_after_date_seconds)
            head["retry-after"] = format_datetime(at, usegmt=True)
        # These responses have no chunks, and some have no body.
        bare = behaviour.declared_bytes is not None or behaviour.status in (204, 304)
        if bare:
            head["transfer-encoding"] = ""
            head["content-length"] = "" if behaviour.declared_bytes is None else str(behaviour.declared_bytes)
        begin = f"HTTP/1.1 {behaviour.status} {HTTPStatus(behaviour.status).phrase}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
        if behaviour.hang_after_pieces == 0:
            await asyncio.Event().wait()
        await _until(arrived + behaviour.before_seconds)
        writer.write((begin + lines + "\r\n").encode())
        for number, start in enumerate(range(0, len(behaviour.body), behaviour.piece_bytes)):
            if number == behaviour.cut_after_pieces:
                await writer.drain()
                return False
            if number == behaviour.hang_after_pieces:
                await asyncio.Event().wait()
            # Each piece has an absolute time, so that delays of the timer do not add up.
            await _until(arrived + behaviour.before_seconds + number * behaviour.piece_seconds)
            piece = framed(behaviour.body[start : start + behaviour.piece_bytes])
            writer.write(piece if bare else _chunk(piece))
            await writer.drain()
        # Counted before the client sees the end, because its next request can arrive at once.
        speech_ended()
        if not bare:
            writer.write((_chunk(end) if end else b"") + b"0\r\n\r\n")
        await writer.drain()
        return behaviour.declared_bytes is None


def serve(server: type[SpeechServer], doc: str | None) -> None:
    """Runs a stand-in from the command line until it is stopped."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.0, help="the time before the voice `steady` responds")
    parser.add_argument("--key", default="", help="the required API key; any key if empty")
    parser.add_argument("--allowed-at-once", type=int, help="the maximum number of requests at the same time")
    options = parser.parse_args()

    async def main() -> None:
        async with server(options.key, options.seconds, options.allowed_at_once).serving(options.port):
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(main())


async def _until(at: float) -> None:
    if (left := at - asyncio.get_running_loop().time()) > 0:
        await asyncio.sleep(left)


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def _read(first_byte: bytes, reader: asyncio.StreamReader) -> Request:
    head = (first_byte + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _version = head[0].split(" ")
    pairs = (line.split(":", 1) for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    length = int(headers.get("content-length", "0"))
    if length > MAX_BODY_BYTES:
        raise ConnectionError(f"the body has {length} bytes, more than {MAX_BODY_BYTES}")
    url = urlsplit(target)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return Request(method, unquote(url.path), query, headers, await reader.readexactly(length))
