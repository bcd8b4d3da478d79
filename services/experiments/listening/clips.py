"""The clips that listeners hear, made of stored speech when they are fetched."""

import asyncio
import re
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Trial
from services.experiments.listening.domain import Assignment, Side
from services.experiments.listening.rendering import render
from services.experiments.listening.store import ListeningStore
from services.experiments.store import Store
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import NotFound, Unauthenticated, Unavailable

log = structlog.get_logger()

NAME = re.compile(r"clp_[0-9a-f]{32}\.wav")
PIECE_BYTES = 64 * 1024
# A clip of five seconds has 240 kB. Both clips of a pair are fetched close to one another, often by many listeners.
KEPT_BYTES = 32 * 1024 * 1024
# So that many listeners at once neither fill the memory nor keep the other calls from the processor.
RENDERED_AT_A_TIME = 2

Kept = tuple[str, float]
"""A trial and the loudness to which it was brought."""


class Audio(Protocol):
    """Where speech is stored."""

    async def get(self, name: str) -> bytes:
        """Returns a stored WAV; NotFound if there is none, Unavailable if that can't be told."""


class Clips:
    """The use case over one database and audio store."""

    def __init__(
        self,
        database: Database,
        experiments: Store,
        store: ListeningStore,
        audio: Audio,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._database = database
        self._experiments = experiments
        self._store = store
        self._audio = audio
        self._clock = clock
        self._kept: OrderedDict[Kept, bytes] = OrderedDict()
        self._rendering: weakref.WeakValueDictionary[Kept, asyncio.Lock] = weakref.WeakValueDictionary()
        self._turns = asyncio.Semaphore(RENDERED_AT_A_TIME)

    async def send(self, name: str) -> AsyncGenerator[bytes, None]:
        """Yields a clip, and notes it as sent once all of it was taken.

        NotFound if there is none of this name; Unauthenticated if the link that it came by has ended. No error says
        anything of the trial.
        """
        if not NAME.fullmatch(name):
            raise NotFound("clip", name[:200])
        async with self._database.reading() as connection:
            assignment, trial = await self._found(connection, name)
        content = await self._rendered(name, trial, assignment.target_lufs)
        began_at = self._clock()
        for start in range(0, len(content), PIECE_BYTES):
            yield content[start : start + PIECE_BYTES]
        side = Side.A if name == assignment.clip_a else Side.B
        async with self._database.transaction() as connection:
            await self._store.clip_sent(connection, assignment.id, side, began_at)

    async def _found(self, connection: AsyncConnection, name: str) -> tuple[Assignment, Trial]:
        assignment = await self._store.assignment_of_clip(connection, name)
        if assignment is None:
            raise NotFound("clip", name)
        link = await self._store.link(connection, assignment.link_id)
        if link is None or link.revoked_at is not None or link.expires_at <= self._clock():
            raise Unauthenticated("the listening link of this clip has ended: ask whoever sent it for a new one")
        trial = await self._experiments.trial(connection, assignment.trial_of(name))
        if trial is None or trial.audio_name is None or trial.audio_deleted_at is not None:
            raise NotFound("clip", name)
        return assignment, trial

    async def _rendered(self, name: str, trial: Trial, target_lufs: float) -> bytes:
        key = (trial.id, target_lufs)
        # Once, however many want it at this moment.
        lock = self._rendering.setdefault(key, asyncio.Lock())
        async with lock:
            content = self._kept.pop(key, None)
            if content is None:
                async with self._turns:
                    stored = await self._stored(name, trial)
                    loudness = trial.measurements.loudness_lufs
                    content = await asyncio.to_thread(render, stored, target_lufs, loudness)
            self._keep(key, content)
            return content

    async def _stored(self, name: str, trial: Trial) -> bytes:
        """Returns the stored speech; errors speak of the clip, since their own name the trial."""
        try:
            return await self._audio.get(trial.audio_name or "")
        except NotFound:
            raise NotFound("clip", name) from None
        except Unavailable as error:
            log.warning("stored speech can't be read", trial_id=trial.id, error=error.message)
            raise Unavailable("the clip can't be read now; try again") from None

    def _keep(self, key: Kept, content: bytes) -> None:
        self._kept[key] = content
        while sum(map(len, self._kept.values())) > KEPT_BYTES:
            self._kept.popitem(last=False)
