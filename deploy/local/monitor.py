"""Monitors the mesh and repairs it: after a full disk, when NATS stores nothing, and when logs are large."""

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
from deploy.local.process import PrintLine, Process, ignoring_errors

DISK_INTERVAL_SECONDS = 0.5
LOG_INTERVAL_SECONDS = 5.0
PROBE_INTERVAL_SECONDS = 10.0
RETRY_INTERVAL_SECONDS = 1.0
PROBE_TIMEOUT_SECONDS = 5.0
# NATS deletes the messages of a probe after this time.
PROBE_TTL = "60s"
# NATS is restarted after this many failures in a row: refusals if it answers a ping, silences if it does not.
MAX_REFUSALS, MAX_SILENCES = 2, 6
# If NATS ends this often in a row without working in between, it can't read its stored data.
MAX_EXITS = 4

NATS_ERRORS = (nats.errors.Error, js_errors.Error, OSError, TimeoutError)


class Monitor:
    """Monitors a running mesh. `nats_` is the embedded NATS, None if the mesh uses another one."""

    def __init__(
        self, data_dir: DataDir, processes: Mapping[str, Process], nats_: Nats | None, print_line: PrintLine
    ) -> None:
        self._data_dir = data_dir
        self._processes = processes
        self._nats = nats_
        self._print_line = ignoring_errors(print_line)
        self._disk = Disk(data_dir.path)
        self._client: Client | None = None
        self._refusals = self._silences = self._exits = 0
        self._unreadable: dict[str, set[Path]] = {}
        self._repaired: set[str] = set()

    async def run(self) -> None:
        """Makes all checks regularly until it is cancelled. A failing check does not end it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._repeat(self._check_disk, DISK_INTERVAL_SECONDS))
                tasks.create_task(self._repeat(self._rotate_logs, LOG_INTERVAL_SECONDS))
                if self._nats is not None:
                    tasks.create_task(self._repeat(self._check_nats, PROBE_INTERVAL_SECONDS))
        finally:
            await self._disconnect()

    async def _repeat(self, check: Callable[[], Awaitable[bool]], seconds: float) -> None:
        """Calls `check` every `seconds`, sooner if it returns False or fails."""
        task = asyncio.current_task()
        assert task is not None
        # In Python 3.11, `asyncio.wait_for` loses a cancellation that arrives at the moment when its awaitable
        # completes, and the NATS client uses it.
        while not task.cancelling():
            ok = False
            try:
                ok = await check()
            except Exception as error:  # noqa: BLE001 - the next check may succeed
                self._print_line(f"a check of the mesh failed: {type(error).__name__}: {error}")
            await asyncio.sleep(seconds if ok else min(seconds, RETRY_INTERVAL_SECONDS))

    async def _check_disk(self) -> bool:
        found = self._disk.check()
        if found == "full":
            self._print_line(f"the disk of {self._data_dir.path} is full: free some space, and everything goes on")
        elif found == "recovered":
            self._print_line(f"the disk of {self._data_dir.path} has free space again")
            for process in self._processes.values():
                process.start_now()
            # After a failed write NATS can refuse all further writes, to single streams or to all of JetStream.
            await self._restart_nats("after a full disk it stores nothing any more")
        return True

    async def _rotate_logs(self) -> bool:
        await asyncio.to_thread(self._data_dir.rotate_logs)
        return True

    async def _check_nats(self) -> bool:
        assert self._nats is not None
        process = self._processes.get("nats")
        if process is None or not process.should_run or self._disk.full:
            return False
        if process.exits - self._exits >= MAX_EXITS:
            moved = self._nats.move_stored(time.time())
            self._print_line(f"NATS can't start with its stored data, which is now in {moved}")
            self._exits = process.exits
            process.start_now()
            return False
        try:
            client = await self._connected()
            await client.flush(timeout=int(PROBE_TIMEOUT_SECONDS))
        except NATS_ERRORS:
            self._silences += 1
            if self._silences >= MAX_SILENCES and process.running:
                await self._restart_nats("it does not answer")
            return False
        starts = process.starts
        try:
            await self._probe(client)
        except NATS_ERRORS as error:
            if not process.running or process.starts != starts:
                return False  # It ended during the probe, which says nothing about the one that runs next.
            self._refusals += 1
            if self._refusals >= MAX_REFUSALS:
                await self._restart_nats(f"it does not store messages ({error or type(error).__name__})")
            return False
        self._refusals = self._silences = 0
        self._unreadable.clear()
        self._repaired.clear()
        self._exits = process.exits
        return True

    async def _probe(self, client: Client) -> None:
        """Publishes to each stream and waits for the acknowledgement, which NATS sends once the message is on disk."""
        assert self._nats is not None
        jetstream = client.jetstream(timeout=PROBE_TIMEOUT_SECONDS)
        streams = await jetstream.streams_info()
        for stream in streams:
            if not self._nats.has_stored(str(stream.config.name)):
                raise FileNotFoundError(f"the files of the stream {stream.config.name} are missing")
        await self._check_consumers(jetstream, [str(stream.config.name) for stream in streams])
        for stream in streams:
            wildcard = next((s for s in stream.config.subjects or () if s.endswith(".>")), None)
            if wildcard and stream.config.allow_msg_ttl:
                headers = {api.Header.MSG_TTL.value: PROBE_TTL}
                await jetstream.publish(f"{wildcard.removesuffix('>')}probe", b"", headers=headers)

    async def _check_consumers(self, jetstream: JetStreamContext, streams: list[str]) -> None:
        """Raises OSError if the server could not read a stored consumer. The server can't create it again either."""
        assert self._nats is not None
        unreadable: dict[str, dict[str, Path]] = {}
        for stream in streams:
            stored = self._nats.consumers_of(stream)
            unread = set(stored) - {consumer.name for consumer in await jetstream.consumers_info(stream)}
            if unread:
                unreadable[stream] = {name: stored[name] for name in unread}
        if unreadable:
            for stream, folders in unreadable.items():
                self._unreadable.setdefault(stream, set()).update(folders.values())
            listed = (f"{', '.join(sorted(folders))} of {stream}" for stream, folders in unreadable.items())
            raise OSError(f"it can't read the consumers {'; '.join(listed)}")

    def _delete_unreadable(self) -> None:
        """Deletes the unreadable consumers. Their services create them again, and ignore events already handled.

        If the stream itself can't be read, the server forgets its consumers at each start. Such a stream is deleted
        whole. It shows in its description, or in that deleting its consumers did not help. Services create the stream
        again and send what was not handled again.
        """
        assert self._nats is not None
        for stream, folders in self._unreadable.items():
            if stream in self._repaired or not self._nats.has_description(stream):
                self._nats.delete_stream(stream)
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
            self._repaired.add(stream)
        self._unreadable.clear()

    async def _restart_nats(self, reason: str) -> None:
        process = self._processes.get("nats")
        if self._nats is None or process is None or not process.should_run:
            return
        self._refusals = self._silences = 0
        self._print_line(f"NATS is restarted: {reason}")
        await process.restart(self._delete_unreadable)

    async def _connected(self) -> Client:
        assert self._nats is not None
        if self._client is None or self._client.is_closed:

            async def ignore(error: Exception) -> None:
                """Ignores errors of the connection, because they show again when it is used."""

            self._client = await nats.connect(
                self._nats.url,
                name="voicearena-monitor",
                connect_timeout=2,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,
                error_cb=ignore,
            )
        return self._client

    async def _disconnect(self) -> None:
        if self._client is not None:
            with contextlib.suppress(*NATS_ERRORS):
                await asyncio.wait_for(self._client.close(), 2)
