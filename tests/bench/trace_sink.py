"""Receives traces over OTLP/HTTP and discards them, so that a benchmark only measures the cost of the exporters."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

END_OF_HEADERS = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[str]:
    """Listens on a free port during the block, and yields the URL."""
    server = await asyncio.start_server(_handle, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def _handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            length = CONTENT_LENGTH.search(await reader.readuntil(END_OF_HEADERS))
            await reader.readexactly(int(length[1]) if length else 0)
            writer.write(RESPONSE)
            await writer.drain()
    writer.close()
