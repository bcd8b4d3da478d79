"""What the stand-ins for speech providers share: HTTP/1.1 over a real socket, tempers, and counts.

A stand-in checks requests as strictly as its provider and refuses them in the provider's words. How it answers those
that it takes is chosen by the voice, so that one server has engines of every temper, and by script: what `script` holds
for a voice is answered first, each once.
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

from tests.fakes.request_checks import Request
from tests.fakes.tempers import RAW, SAMPLE_RATE_HZ, TEMPERS, Temper, tone

__all__ = ["RAW", "SAMPLE_RATE_HZ", "TEMPERS", "Refusal", "Request", "Speech", "SpeechServer", "Temper", "tone"]

MAX_BODY_BYTES = 64 * 1024
COUNTS_PATH = "/stand-in/counts"


@dataclass(frozen=True)
class Refusal:
    """What a provider says in one of the cases that all have."""

    status: int
    code: str
    message: str


@dataclass(frozen=True)
class Speech:
    """A request for speech that the provider would take. `body` is what was sent."""

    voice: str
    text: str
    body: Mapping[str, object]


class SpeechServer(ABC):
    """A stand-in. `requests` are the bodies that it took, `gone` is set when a client leaves in mid-answer.

    `asked_of` and `asked_for` count the requests that it took by voice and by text, refused ones too; `most_at_once` is
    how many were in hand at a time. More than `allowed_at_once` are refused as the provider does it.
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
        self.tempers: dict[str, Temper] = {
            **TEMPERS,
            "steady": replace(TEMPERS["steady"], before_seconds=seconds),
            "unauthorized": self._said(self.unauthorized),
            "payment": self._said(self.payment),
            "spent": self._said(self.spent),
            "limited": self._said(self.limited, **{"retry-after": "1"}),
            "limited_until": replace(self._said(self.limited), retry_after_date_seconds=30),
            "full": self._said(self.full),
            # Words that can be neither stored nor shown as they are.
            "odd_words": self._said(
                Refusal(self.spent.status, f"{self.spent.code}\0", f"\x1b[1m{self.spent.message}\0")
            ),
            "failing": self._said(self.failing),
            "overloaded": self._said(self.overloaded),
        }
        self.script: defaultdict[str, deque[Temper]] = defaultdict(deque)
        self.listing: Temper | None = None
        """How a list of voices is answered; with the tempers if None."""
        self.requests: list[Mapping[str, object]] = []
        self.asked_of: Counter[str] = Counter()
        self.asked_for: Counter[str] = Counter()
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
        """How many requests for speech are in hand."""
        return self._at_once

    @abstractmethod
    def answer(self, request: Request) -> Speech | Temper:
        """Returns the speech that is asked for, or else what is answered; `voices_answer` for a list of voices."""

    @abstractmethod
    def refusal(self, status: int, message: str, code: str = "", **headers: str) -> Temper:
        """Returns an answer with the provider's error body."""

    def framing(self, temper: Temper) -> tuple[str, Callable[[bytes], bytes], bytes]:
        """Returns the content type, how a piece of audio is framed, and what ends the answer."""
        return temper.content_type, lambda piece: piece, b""

    def headers(self) -> Mapping[str, str]:
        """Returns what every answer has besides its temper's headers."""
        return {}

    def voices_answer(self, value: object) -> Temper:
        """Returns the answer with a list of voices, or what `listing` says instead."""
        self.listings += 1
        return self.listing or Temper(200, "application/json", json.dumps(value).encode())

    def counts(self) -> Mapping[str, object]:
        """Returns what was counted."""
        return {
            "requests": sum(self.asked_of.values()),
            "by_voice": dict(self.asked_of),
            "by_text": dict(self.asked_for),
            "most_at_once": self.most_at_once,
            "connections": self.connections,
            "listings": self.listings,
        }

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[Self]:
        """Listens on a port, a free one if 0, and breaks every connection off at the end."""
        server = await asyncio.start_server(self._converse, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _said(self, refusal: Refusal, **headers: str) -> Temper:
        return self.refusal(refusal.status, refusal.message, refusal.code, **headers)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            # Cancelled when the server ends, about which the loop need not complain.
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                began: bytes | None = b""
                while began is not None:
                    began = await self._exchange(await _read(began, reader), reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        """Answers one request; returns the first byte of the next if it is there, None if the connection is over."""
        came = asyncio.get_running_loop().time()
        wanted = self._wanted(request)
        speaks = isinstance(wanted, Speech)
        if speaks:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.asked.set()
        temper = self._temper(wanted) if isinstance(wanted, Speech) else wanted

        def spoken() -> None:
            nonlocal speaks
            self._at_once -= speaks
            speaks = False

        answer = asyncio.create_task(self._answer(temper, came, writer, spoken))
        # Nothing to read in mid-answer means that the client has left; a byte is its next request.
        next_byte = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({answer, next_byte}, return_when=asyncio.FIRST_COMPLETED)
            if next_byte.done() and not next_byte.result() and not answer.done():
                self.gone.set()
                return None
            goes_on = await answer
            began = next_byte.result() if next_byte.done() else b""
            return began if goes_on else None
        finally:
            spoken()
            for task in (answer, next_byte):
                task.cancel()
            await asyncio.gather(answer, next_byte, return_exceptions=True)

    def _wanted(self, request: Request) -> Speech | Temper:
        if request.path == COUNTS_PATH:
            return Temper(200, "application/json", json.dumps(self.counts()).encode())
        return self.answer(request)

    def _temper(self, speech: Speech) -> Temper:
        """Counts a request and returns how it is answered: by script, or as the voice says."""
        self.requests.append(speech.body)
        self.asked_of[speech.voice] += 1
        self.asked_for[speech.text] += 1
        if self.script[speech.voice]:
            return self.script[speech.voice].popleft()
        if self.allowed_at_once is not None and self._at_once > self.allowed_at_once:
            return self._said(self.full)
        return self.tempers[speech.voice]

    async def _answer(
        self, temper: Temper, came: float, writer: asyncio.StreamWriter, spoken: Callable[[], None]
    ) -> bool:
        content_type, framed, end = self.framing(temper)
        head = {"content-type": content_type, "transfer-encoding": "chunked", **self.headers(), **temper.headers}
        if temper.retry_after_date_seconds is not None:
            at = datetime.now(UTC) + timedelta(seconds=temper.retry_after_date_seconds)
            head["retry-after"] = format_datetime(at, usegmt=True)
        # Neither chunks nor any body belong to these.
        bare = temper.declared_bytes is not None or temper.status in (204, 304)
        if bare:
            head["transfer-encoding"] = ""
            head["content-length"] = "" if temper.declared_bytes is None else str(temper.declared_bytes)
        begin = f"HTTP/1.1 {temper.status} {HTTPStatus(temper.status).phrase}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
        if temper.hang_after_pieces == 0:
            await asyncio.Event().wait()
        await _until(came + temper.before_seconds)
        writer.write((begin + lines + "\r\n").encode())
        for number, start in enumerate(range(0, len(temper.body), temper.piece_bytes)):
            if number == temper.cut_after_pieces:
                await writer.drain()
                return False
            if number == temper.hang_after_pieces:
                await asyncio.Event().wait()
            # Each piece at its own time, so that the delays of the timer don't add up.
            await _until(came + temper.before_seconds + number * temper.piece_seconds)
            piece = framed(temper.body[start : start + temper.piece_bytes])
            writer.write(piece if bare else _chunk(piece))
            await writer.drain()
        # Before the client can see the end: its next request may come in the same moment.
        spoken()
        if not bare:
            writer.write((_chunk(end) if end else b"") + b"0\r\n\r\n")
        await writer.drain()
        return temper.declared_bytes is None


def serve(server: type[SpeechServer], doc: str | None) -> None:
    """Serves a stand-in from the command line until it is stopped."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.0, help="how long the voice `steady` takes to answer")
    parser.add_argument("--key", default="", help="the API key that is asked for; any if empty")
    parser.add_argument("--allowed-at-once", type=int, help="how many requests may be in hand at a time")
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


async def _read(began: bytes, reader: asyncio.StreamReader) -> Request:
    head = (began + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _version = head[0].split(" ")
    pairs = (line.split(":", 1) for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    length = int(headers.get("content-length", "0"))
    if length > MAX_BODY_BYTES:
        raise ConnectionError(f"a body of {length} bytes")
    url = urlsplit(target)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return Request(method, unquote(url.path), query, headers, await reader.readexactly(length))
