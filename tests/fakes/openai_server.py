"""A server that speaks as OpenAI's `/v1/audio/speech` does, strict about requests and scriptable in its answers.

It is real HTTP/1.1 over a real socket, with connections kept open. What happens is chosen by the voice, so that one
server has engines of every temper. `python -m tests.fakes.openai_server --port 9100 --seconds 0.2` serves it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import numpy as np

SAMPLE_RATE_HZ = 24000
LONGEST_INPUT = 4096
PIECE_BYTES = 4800
LARGEST_BODY = 64 * 1024
MODEL = "tts-1"


def tone(seconds: float, silence_seconds: float = 0.0) -> bytes:
    """Returns silence and then a 440 Hz tone at a quarter of full scale, 16-bit mono at 24 kHz."""
    at = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    wave = (8192 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes()
    return bytes(round(silence_seconds * SAMPLE_RATE_HZ) * 2) + wave


@dataclass(frozen=True)
class Temper:
    """How the server answers a request that it takes. Seconds are waited before the answer and between pieces."""

    status: int = 200
    content_type: str = "audio/pcm"
    body: bytes = field(default_factory=lambda: tone(1.0, 0.1), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    piece_bytes: int = PIECE_BYTES
    before_seconds: float = 0.0
    piece_seconds: float = 0.0
    cut_after_pieces: int | None = None
    hang_after_pieces: int | None = None


def refusal(status: int, message: str, code: str | None = None, **headers: str) -> Temper:
    """Returns an answer with OpenAI's error body."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return Temper(status, "application/json", json.dumps({"error": error}).encode(), headers)


TEMPERS: Mapping[str, Temper] = {
    "steady": Temper(),
    "hanging": Temper(hang_after_pieces=0),
    "stuck": Temper(hang_after_pieces=2),
    "broken": Temper(cut_after_pieces=2),
    "empty": Temper(body=b""),
    "silent": Temper(body=bytes(SAMPLE_RATE_HZ * 2)),
    "odd": Temper(body=tone(0.2) + b"\x01", piece_bytes=333),
    "html": Temper(content_type="text/html", body=b"<html><body>Welcome to nginx!</body></html>"),
    "mp3": Temper(content_type="audio/mpeg", body=b"ID3\x04" + bytes(2000)),
    "hidden_mp3": Temper(body=b"ID3\x04" + bytes(2000), piece_bytes=1),
    "limited": refusal(429, "Rate limit reached", "rate_limit_exceeded", **{"retry-after": "1"}),
    "spent": refusal(429, "You exceeded your current quota", "insufficient_quota"),
    "failing": refusal(500, "The server had an error"),
    "redirecting": Temper(302, "text/plain", b"", {"location": "http://127.0.0.1:1/"}),
}


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    line: str
    headers: Mapping[str, str]
    body: bytes


class OpenAiServer:
    """The server. `requests` are those that it took, `gone` is set when a client leaves in mid-answer."""

    def __init__(self, key: str = "", seconds: float = 0.0) -> None:
        self.key = key
        self.tempers = {**TEMPERS, "steady": replace(TEMPERS["steady"], before_seconds=seconds)}
        self.requests: list[dict[str, object]] = []
        self.connections = 0
        self.most_at_once = 0
        self.asked = asyncio.Event()
        self.gone = asyncio.Event()
        self.port = 0
        self._at_once = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[OpenAiServer]:
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

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
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
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.asked.set()
        answer = asyncio.create_task(self._answer(self._temper(request), writer))
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
            self._at_once -= 1
            for task in (answer, next_byte):
                task.cancel()
            await asyncio.gather(answer, next_byte, return_exceptions=True)

    async def _answer(self, temper: Temper, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(temper.before_seconds)
        head = {"content-type": temper.content_type, "transfer-encoding": "chunked", **temper.headers}
        begin = f"HTTP/1.1 {temper.status} {HTTPStatus(temper.status).phrase}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value)
        if temper.hang_after_pieces == 0:
            await asyncio.Event().wait()
        writer.write((begin + lines + "\r\n").encode())
        for number, start in enumerate(range(0, len(temper.body), temper.piece_bytes)):
            if number == temper.cut_after_pieces:
                await writer.drain()
                return False
            if number == temper.hang_after_pieces:
                await asyncio.Event().wait()
            if number:
                await asyncio.sleep(temper.piece_seconds)
            piece = temper.body[start : start + temper.piece_bytes]
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _temper(self, request: Request) -> Temper:
        """Returns how to answer: as the voice says, if the request is one that the provider would take."""
        if request.line != "POST /v1/audio/speech HTTP/1.1":
            return refusal(404, f"Invalid URL ({request.line})")
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            sent = request.headers.get("authorization", "")
            return refusal(401, f"Incorrect API key provided: {sent}", "invalid_api_key")
        if request.headers.get("content-type") != "application/json":
            return refusal(400, "we could not parse the body: it is not JSON")
        try:
            body = json.loads(request.body)
        except ValueError:
            return refusal(400, "we could not parse the JSON body of your request")
        if unknown := set(body) - {"model", "input", "voice", "response_format", "speed", "instructions"}:
            return refusal(400, f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
        if body.get("model") != MODEL:
            return refusal(404, f"The model `{body.get('model')}` does not exist", "model_not_found")
        if not isinstance(body.get("input"), str) or not 0 < len(body["input"]) <= LONGEST_INPUT:
            return refusal(400, "input: string should have 1 to 4096 characters")
        if not 0.25 <= body.get("speed", 1.0) <= 4.0:
            return refusal(400, "speed: should be 0.25 to 4")
        if body.get("voice") not in self.tempers:
            return refusal(400, f"voice: should be one of {', '.join(self.tempers)}")
        if body.get("response_format") != "pcm":
            return refusal(400, "response_format: only pcm is spoken here")
        self.requests.append(body)
        return self.tempers[body["voice"]]


async def _read(began: bytes, reader: asyncio.StreamReader) -> Request:
    head = (began + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    length = int(headers.get("content-length", "0"))
    if length > LARGEST_BODY:
        raise ConnectionError(f"a body of {length} bytes")
    return Request(head[0], headers, await reader.readexactly(length))


async def _main(port: int, seconds: float, key: str) -> None:
    async with OpenAiServer(key, seconds).serving(port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=0.0, help="how long the voice `steady` takes to answer")
    parser.add_argument("--key", default="", help="the API key that is asked for; none if empty")
    options = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(options.port, options.seconds, options.key))
