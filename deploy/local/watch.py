"""Looks after what processes can't see to themselves: a disk that was full, a NATS that stores nothing, large logs."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js import errors as js_errors

from deploy.local.data_dir import DataDir
from deploy.local.disk import Disk
from deploy.local.nats import Nats
from deploy.local.process import Process, Say, never_failing

DISK_SECONDS = 0.5
LOG_SECONDS = 5.0
PROBE_EVERY_SECONDS = 10.0
PROBE_AGAIN_SECONDS = 1.0
PROBE_TIMEOUT_SECONDS = 5.0
# What a probe leaves is gone after this long.
PROBE_TTL = "60s"
# Failures in a row, with an answer to a ping and without, after which NATS is started anew.
REFUSALS, SILENCES = 2, 6
# A NATS that ends so often in a row without once working can't read what it has stored.
MAX_ENDS = 4

FAULTS = (nats.errors.Error, js_errors.Error, OSError, TimeoutError)


class Watch:
    """Runs while the mesh does. `nats_` is the embedded NATS, None if it is somebody else's."""

    def __init__(self, data_dir: DataDir, processes: Mapping[str, Process], nats_: Nats | None, say: Say) -> None:
        self._data_dir = data_dir
        self._processes = processes
        self._nats = nats_
        self._say = never_failing(say)
        self._disk = Disk(data_dir.path)
        self._client: Client | None = None
        self._refusals = self._silences = self._ends = 0
        self._spoilt: set[Path] = set()

    async def run(self) -> None:
        """Looks until it is cancelled. Nothing that goes wrong with a look ends it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep(self._look_at_disk, DISK_SECONDS))
                tasks.create_task(self._keep(self._bound_logs, LOG_SECONDS))
                if self._nats is not None:
                    tasks.create_task(self._keep(self._look_at_nats, PROBE_EVERY_SECONDS))
        finally:
            await self._disconnect()

    async def _keep(self, look: Callable[[], Awaitable[bool]], seconds: float) -> None:
        while True:
            well = False
            try:
                well = await look()
            except Exception as error:  # noqa: BLE001 - the next look may go well
                self._say(f"the mesh can't be looked after now: {type(error).__name__}: {error}")
            await asyncio.sleep(seconds if well else min(seconds, PROBE_AGAIN_SECONDS))

    async def _look_at_disk(self) -> bool:
        found = self._disk.look()
        if found == "full":
            self._say(f"the disk of {self._data_dir.path} is full: make room, and everything goes on")
        elif found == "room":
            self._say("there is room on the disk again")
            for process in self._processes.values():
                process.hurry()
            # What it could not write it may refuse for ever: a stream by stream, or all of JetStream.
            await self._restart_nats("it stores nothing any more once its disk was full")
        return True

    async def _bound_logs(self) -> bool:
        await asyncio.to_thread(self._data_dir.bound_logs)
        return True

    async def _look_at_nats(self) -> bool:
        assert self._nats is not None
        process = self._processes.get("nats")
        if process is None or not process.wanted or self._disk.full:
            return False
        if process.exits - self._ends >= MAX_ENDS:
            aside = self._nats.set_aside(time.time())
            self._say(f"NATS can't start with what it has stored, which is set aside as {aside}")
            self._ends = process.exits
            process.hurry()
            return False
        try:
            client = await self._connected()
            await client.flush(timeout=int(PROBE_TIMEOUT_SECONDS))
        except FAULTS:
            self._silences += 1
            if self._silences >= SILENCES and process.running:
                await self._restart_nats("it does not answer")
            return False
        try:
            await self._probe(client)
        except FAULTS as error:
            self._refusals += 1
            if self._refusals >= REFUSALS:
                await self._restart_nats(f"it does not store what it is given ({error or type(error).__name__})")
            return False
        self._refusals = self._silences = 0
        self._spoilt.clear()
        self._ends = process.exits
        return True

    async def _probe(self, client: Client) -> None:
        """Publishes to each stream and waits for the confirmation, which comes when it is on the disk."""
        assert self._nats is not None
        jetstream = client.jetstream(timeout=PROBE_TIMEOUT_SECONDS)
        for stream in await jetstream.streams_info():
            name = str(stream.config.name)
            if not self._nats.has_stored(name):
                raise FileNotFoundError(f"the files of {name} are gone")
            await self._check_consumers(jetstream, name)
            wildcard = next((s for s in stream.config.subjects or () if s.endswith(".>")), None)
            if wildcard and stream.config.allow_msg_ttl:
                headers = {api.Header.MSG_TTL.value: PROBE_TTL}
                await jetstream.publish(f"{wildcard.removesuffix('>')}probe", b"", headers=headers)

    async def _check_consumers(self, jetstream: JetStreamContext, stream: str) -> None:
        """Raises OSError if there are consumers that the server could not read. It can't make them again either."""
        assert self._nats is not None
        stored = self._nats.consumers_of(stream)
        unread = set(stored) - {consumer.name for consumer in await jetstream.consumers_info(stream)}
        if unread:
            self._spoilt.update({stored[name] for name in unread})
            raise OSError(f"it can't read the consumers {', '.join(sorted(unread))} of {stream}")

    def _clear(self) -> None:
        """Deletes the consumers that could not be read. Their services make them again and know what they have done."""
        for folder in self._spoilt:
            shutil.rmtree(folder, ignore_errors=True)
        self._spoilt.clear()

    async def _restart_nats(self, why: str) -> None:
        process = self._processes.get("nats")
        if self._nats is None or process is None or not process.wanted:
            return
        self._refusals = self._silences = 0
        self._say(f"NATS is started anew: {why}")
        await process.restart(self._clear)

    async def _connected(self) -> Client:
        assert self._nats is not None
        if self._client is None or self._client.is_closed:

            async def ignore(error: Exception) -> None:
                """What fails shows when it is used."""

            self._client = await nats.connect(
                self._nats.url,
                name="voicearena-watch",
                connect_timeout=2,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,
                error_cb=ignore,
            )
        return self._client

    async def _disconnect(self) -> None:
        if self._client is not None:
            with contextlib.suppress(*FAULTS):
                await asyncio.wait_for(self._client.close(), 2)
