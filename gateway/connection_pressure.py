"""Tells Envoy which share of its connections is in use, so that it closes idle connections sooner.

Envoy counts connections, but its overload manager can't make timeouts depend on that count. So Envoy sends the count
over UDP in the statsd format, and reads the share of MAX_CONNECTIONS from a file.
"""

import asyncio
import re
import socket
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()

COUNT = re.compile(rb"http\.api\.downstream_cx_active:(\d+)\|g")


class ConnectionPressure(asyncio.DatagramProtocol):
    """Writes the share of `max_connections` that is in use, 0 to 1, to a file that Envoy reads."""

    def __init__(self, file: Path, max_connections: int = 1) -> None:
        self.file = file
        self.max_connections = max_connections
        self.port = 0
        """The UDP port on loopback."""
        self._written = ""
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Starts listening."""
        self._write("0.00")
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0), family=socket.AF_INET
        )
        self.port = int(self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Stops listening."""
        if self._transport:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Handles a count from Envoy."""
        if count := COUNT.search(data):
            self._write(f"{min(1.0, int(count[1]) / self.max_connections):.2f}")

    def _write(self, share: str) -> None:
        if share == self._written:
            return
        # Envoy notices a file that is renamed to this name.
        new = self.file.with_suffix(".new")
        try:
            new.touch(mode=0o600)
            new.write_text(share)
            new.rename(self.file)
        except OSError as error:
            log.warning("the share of connections can't be written for the gateway", error=str(error))
            return
        self._written = share
