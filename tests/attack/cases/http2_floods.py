"""Attacks with HTTP/2 frames that are cheap to send and expensive to handle."""

import asyncio
import contextlib
import time

import h2.config
import h2.connection

from tests.attack.attack import attack
from tests.attack.target import Target

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 0x0, 0x1, 0x3, 0x4, 0x6, 0x9
END_STREAM, END_HEADERS = 0x1, 0x4
CANCEL = (8).to_bytes(4)
MANY = 20_000
MAX_RESPONSE_SECONDS = 2.0


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Returns an HTTP/2 frame."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def request_headers() -> bytes:
    """Returns the HPACK-compressed headers of a call."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    headers = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/api/v1/health")]
    return bytes(client.encoder.encode(headers))


async def send_and_call(target: Target, frames: bytes, *, closes: bool) -> None:
    """Sends frames on a new connection. Other calls must be answered meanwhile.

    If `closes` is true, the gateway must close the connection afterwards.
    """
    async with target.connect() as (reader, writer):
        writer.write(PREFACE + frame(SETTINGS, 0, 0) + frames)
        sending = asyncio.create_task(drained(writer))
        started = time.monotonic()
        assert await target.is_healthy(), "the health check failed"
        assert time.monotonic() - started < MAX_RESPONSE_SECONDS, (
            f"the health check took {time.monotonic() - started:.1f} s"
        )
        if closes:
            try:
                async with asyncio.timeout(10):
                    while await reader.read(65536):
                        pass
            except TimeoutError:
                raise AssertionError("the connection was not closed") from None
            except ConnectionError:
                pass
        sending.cancel()


async def drained(writer: asyncio.StreamWriter) -> None:
    """Waits until everything is sent or the connection is closed."""
    with contextlib.suppress(ConnectionError):
        await writer.drain()


@attack("opens streams and resets them at once, 20,000 times", promise="the connection is closed, others are served")
async def reset_rapidly(target: Target) -> None:
    headers = request_headers()
    pairs = (
        frame(HEADERS, END_HEADERS | END_STREAM, stream, headers) + frame(RST_STREAM, 0, stream, CANCEL)
        for stream in range(1, 2 * MANY, 2)
    )
    await send_and_call(target, b"".join(pairs), closes=True)


@attack("sends headers that never end", promise="others are served")
async def continue_headers(target: Target) -> None:
    more = frame(CONTINUATION, 0, 1, b"\x00\x01a\x01b" * 1000)
    await send_and_call(target, frame(HEADERS, 0, 1, request_headers()) + more * 400, closes=False)


@attack("sends 200,000 PINGs without reading the replies", promise="the connection is closed, others are served")
async def ping_without_reading(target: Target) -> None:
    await send_and_call(target, frame(PING, 0, 0, b"12345678") * (10 * MANY), closes=True)


@attack("sends 200,000 SETTINGS frames", promise="the connection is closed, others are served")
async def send_many_settings(target: Target) -> None:
    await send_and_call(target, frame(SETTINGS, 0, 0) * (10 * MANY), closes=True)


@attack("sends 20,000 empty DATA frames", promise="the connection is closed, others are served")
async def send_empty_data(target: Target) -> None:
    start = frame(HEADERS, END_HEADERS, 1, request_headers())
    await send_and_call(target, start + frame(DATA, 0, 1) * MANY, closes=True)


@attack("sends headers of 200 kB", promise="the call is refused, others are served")
async def send_huge_headers(target: Target) -> None:
    async with target.connect() as (reader, writer), asyncio.timeout(10):
        writer.write(b"GET /api/v1/health HTTP/1.1\r\nhost: x\r\n" + b"x-a: " + b"y" * 200_000 + b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert b" 431 " in await reader.readline(), "it was not refused with 431"
    assert await target.is_healthy()
