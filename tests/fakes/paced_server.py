"""A stand-in for OpenAI's speech endpoint that follows a timed plan and records the time of each step.

It runs in its own process, so that a busy client does not delay it. Its clock is the machine's monotonic clock, which
is the same in every process. The voice of a request is the plan, see `Plan`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fakes.openai_server import tone


@dataclass(frozen=True)
class Plan:
    """The timing of one response. All times are in ms."""

    headers: int = 0
    """From the request to the headers of the response."""
    first: int = 0
    """From the headers to the first audio."""
    pieces: int = 4
    """The number of pieces of audio, which have equal length."""
    between: int = 0
    """From one piece to the next."""
    silence: int = 0
    """The silence at the beginning of the audio."""
    sound: int = 400
    """The audible part, after the silence."""

    @property
    def voice(self) -> str:
        """The plan as the voice of a request."""
        return "_".join(f"{name}-{value}" for name, value in asdict(self).items())

    @classmethod
    def of(cls, voice: str) -> Plan:
        """Returns the plan that the voice of a request encodes."""
        return cls(**{name: int(value) for name, _, value in (part.partition("-") for part in voice.split("_"))})

    @property
    def audio(self) -> bytes:
        """The audio of the response: signed 16-bit mono at 24 kHz."""
        return tone(self.sound / 1000, self.silence / 1000)


@dataclass(frozen=True)
class RecordedTimes:
    """The times of one request at the server, in seconds of the monotonic clock."""

    text: str
    connected: float
    """The connection started."""
    ready: float
    """The connection, including its TLS handshake, was complete."""
    asked: float
    """The server had received the whole request."""
    first: float
    """The server sent the first audio."""
    last: float
    """The server sent the last audio."""


class PacedServer:
    """The server process, and the times that it records."""

    def __init__(self, process: asyncio.subprocess.Process, base_url: str) -> None:
        self.base_url = base_url
        self._process = process

    async def recorded_times(self) -> RecordedTimes:
        """Returns the times of the next completed request."""
        assert self._process.stdout is not None
        return RecordedTimes(**json.loads(await self._process.stdout.readline()))


@asynccontextmanager
async def paced_server(certificate: Path | None = None, handshake_ms: int = 0) -> AsyncIterator[PacedServer]:
    """Runs the server. With a PEM file of certificate and key it uses TLS, and delays the start of each handshake."""
    command = [sys.executable, "-m", "tests.fakes.paced_server", "--handshake-ms", str(handshake_ms)]
    if certificate is not None:
        command += ["--certificate", str(certificate)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        scheme = "https" if certificate else "http"
        yield PacedServer(process, f"{scheme}://127.0.0.1:{port}/v1")
    finally:
        process.kill()
        await process.wait()


class _Serving:
    def __init__(self, tls: ssl.SSLContext | None, handshake_ms: int) -> None:
        self._tls = tls
        self._handshake_ms = handshake_ms

    async def accept(self, listening: socket.socket) -> None:
        """Takes connections for ever. Nothing is read from a connection before its handshake may start."""
        conversations = set()
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(listening)
            # asyncio sets this only on sockets that it makes. Without it, a piece waits until the client acknowledges.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conversation = asyncio.create_task(self._converse(connection))
            conversations.add(conversation)
            conversation.add_done_callback(conversations.discard)

    async def _converse(self, connection: socket.socket) -> None:
        connected = time.monotonic()
        await asyncio.sleep(self._handshake_ms / 1000)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            # Returns after the TLS handshake.
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=self._tls)
            writer = asyncio.StreamWriter(transport, protocol, reader, loop)
            ready = time.monotonic()
            with closing(writer):
                while True:
                    await self._exchange(reader, writer, connected, ready)

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connected: float, ready: float
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        asked = time.monotonic()
        plan = Plan.of(body["voice"])
        audio = plan.audio
        await _until(asked + plan.headers / 1000)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: audio/pcm\r\ntransfer-encoding: chunked\r\n\r\n")
        await writer.drain()
        # Each piece has a whole number of samples.
        size = -(-len(audio) // plan.pieces // 2) * 2
        due = asked + (plan.headers + plan.first) / 1000
        first = last = 0.0
        for start in range(0, len(audio), size):
            await _until(due)
            last = time.monotonic()
            first = first or last
            piece = audio[start : start + size]
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            due += plan.between / 1000
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        _print_line(json.dumps(asdict(RecordedTimes(body["input"], connected, ready, asked, first, last))))


async def _until(at: float) -> None:
    await asyncio.sleep(max(at - time.monotonic(), 0))


def _print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _main(certificate: str, handshake_ms: int) -> None:
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    serving = _Serving(tls, handshake_ms)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        _print_line(str(listening.getsockname()[1]))
        await serving.accept(listening)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificate", default="", help="a PEM file with certificate and key; no TLS if empty")
    parser.add_argument("--handshake-ms", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(_main(options.certificate, options.handshake_ms))
