"""Uploaded recordings in the audio store: named before they are stored, deleted when nothing needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import Unavailable
from services.scoring.evaluations.recording_store import RecordingStore

log = structlog.get_logger()

MAX_UPLOAD_TIME = timedelta(hours=6)
"""A recording whose upload began longer ago is deleted, unless an evaluation has it."""
COPY_TIME = timedelta(days=7)
"""How long the copy of a recording is kept. elo takes its own within seconds, unless it is down."""
PIECE_BYTES = 64 * 1024
BATCH = 100


class AudioFiles(Protocol):
    """The part of `services.runtime.audio_store.AudioStore` that is needed here."""

    def open(self, name: str) -> AsyncIterator[bytes]: ...

    def local_path(self, name: str) -> Path | None: ...

    async def put_stream(self, name: str, pieces: AsyncIterator[bytes]) -> None: ...

    async def exists(self, name: str) -> bool: ...

    async def delete(self, name: str) -> None: ...


class Recordings:
    """The recordings of evaluations.

    A recording is listed as unused from before it is stored until an evaluation has it, and again when its evaluation
    no longer needs it. So nothing stays in the store that no evaluation has, whenever a process ends.
    """

    def __init__(self, database: Database, store: RecordingStore, audio: AudioFiles) -> None:
        self._database = database
        self._store = store
        self._audio = audio

    async def expect(self) -> str:
        """Returns the name for a recording that is about to be uploaded."""
        name = f"{ids.new_id('rec')}.audio"
        async with self._database.transaction() as connection:
            await self._store.expect_unused(connection, [name], now() + MAX_UPLOAD_TIME)
        return name

    async def exists(self, name: str) -> bool:
        """Says whether a recording is stored."""
        return await self._audio.exists(name)

    def open(self, name: str) -> AsyncIterator[bytes]:
        """Yields a recording in pieces. Raises NotFound if it does not exist."""
        return self._audio.open(name)

    @asynccontextmanager
    async def file(self, name: str) -> AsyncIterator[Path]:
        """Yields the path of a file with a recording. It is a copy if the store is no folder of this machine."""
        if (path := self._audio.local_path(name)) is not None:
            yield path
            return
        with TemporaryDirectory(prefix="voice-arena-") as folder:
            path = Path(folder) / name
            with path.open("wb") as file:
                async for piece in self._audio.open(name):
                    file.write(piece)
            yield path

    async def keep_copy(self, name: str, path: Path) -> None:
        """Stores a copy of a recording for COPY_TIME. Replaces one that an earlier run has stored."""
        async with self._database.transaction() as connection:
            await self._store.expect_unused(connection, [name], now() + COPY_TIME)
        await self._audio.put_stream(name, _pieces(path))

    async def use(self, connection: AsyncConnection, name: str) -> None:
        """Keeps an uploaded recording, in the caller's transaction, because an evaluation has it."""
        await self._store.use(connection, name)

    async def release(self, connection: AsyncConnection, names: Sequence[str]) -> None:
        """Lists recordings for deletion, in the caller's transaction. `discard` or the next sweep deletes them.

        All evaluations of them say from then on that they are deleted.
        """
        await self._store.forget_audio(connection, names, now())
        await self._store.expect_unused(connection, names, now())

    async def discard(self, *names: str) -> None:
        """Deletes recordings that are listed as unused. What cannot be deleted now is deleted by a later sweep."""
        try:
            for name in names:
                await self._audio.delete(name)
        except Unavailable as error:
            log.warning("a recording can't be deleted now", error=str(error))
            return
        async with self._database.transaction() as connection:
            await self._store.forget_unused(connection, names)

    async def sweep(self) -> int:
        """Deletes recordings that nothing needs, at most BATCH, and returns their number.

        Any number of processes can do this at the same time.
        """
        async with self._database.transaction() as connection:
            due = await self._store.unused_due(connection, now(), BATCH)
            for name in due:
                await self._audio.delete(name)
            await self._store.forget_unused(connection, due)
        return len(due)


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece
