"""Runs PostgreSQL and NATS as the mesh does, each with a temporary directory and a free port."""

import dataclasses
import os
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.data_dir import DataDir
from deploy.local.nats import Nats
from deploy.local.postgres import Postgres
from deploy.local.process import Process

STOP_SECONDS = 5.0
# Below the ports that the kernel uses for outgoing connections, so a restarted server finds its port free.
PORTS = range(20000, 32000)
# Test data need not survive a power failure.
FAST_OPTIONS = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


def free_port() -> int:
    """Returns a free port on the loopback interface."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@asynccontextmanager
async def running_postgres() -> AsyncIterator[str]:
    """Runs a PostgreSQL and yields its URL."""
    data_dir = DataDir(None)
    server = Postgres(data_dir, free_port(), dict(os.environ))
    try:
        await server.prepare()
        command = server.command()
        command = dataclasses.replace(command, arguments=[*command.arguments, *FAST_OPTIONS])
        process = Process(command, data_dir, lambda _: None, STOP_SECONDS)
        await process.start()
        try:
            await server.wait_ready(process)
            yield server.url
        finally:
            await process.stop()
    finally:
        data_dir.release()


class RunningNats:
    """A NATS server that tests can stop, start and wipe."""

    def __init__(self, data_dir: DataDir) -> None:
        self._server = Nats(data_dir, free_port(), dict(os.environ))
        self._process = Process(self._server.command(), data_dir, lambda _: None, STOP_SECONDS)
        self.url = self._server.url

    async def start(self) -> None:
        """Starts the server and waits until it accepts connections."""
        await self._process.start()
        await self._server.wait_ready(self._process)

    async def stop(self) -> None:
        """Stops the server."""
        await self._process.stop()

    def wipe(self) -> None:
        """Deletes everything that it has stored. The server must be stopped."""
        self._server.delete_stored()


@asynccontextmanager
async def running_nats() -> AsyncIterator[RunningNats]:
    """Runs a NATS server."""
    data_dir = DataDir(None)
    server = RunningNats(data_dir)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()
        data_dir.release()
