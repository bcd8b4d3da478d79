"""The clips that listeners hear. They are made from stored audio when they are fetched."""

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.byte_limited_cache import ByteLimitedCache
from services.runtime.db import Database
from services.runtime.errors import NotFound, Unavailable
from services.runtime.signing import derived_key
from services.shared.audio import rendering
from services.shared.listening.comparing import check_may_hear
from services.shared.listening.domain import Assignment
from services.shared.listening.store import ListeningStore
from services.shared.listening.subject import Subject

log = structlog.get_logger()

NAME = re.compile(r"clp_[0-9a-f]{32}\.wav")
PIECE_BYTES = 16 * 1024
# A clip of five seconds has 240 kB, and its samples before dithering twice that. A player often fetches a clip in
# several ranges, and many listeners need the same samples.
MAX_CACHED_CLIP_BYTES = 12 * 1024 * 1024
MAX_CACHED_SPEECH_BYTES = 20 * 1024 * 1024
# Many listeners at once must neither fill the memory nor take the processor from other calls.
MAX_CONCURRENT_RENDERINGS = 2
ETAG_BYTES = 16


class SpeechStore(Protocol):
    """Where speech is stored."""

    async def get(self, name: str) -> bytes:
        """Returns a stored WAV. Raises NotFound if it does not exist, Unavailable if the store can't be reached."""


@dataclass(frozen=True, slots=True)
class ListenerClip:
    """A clip as it is sent to a listener: a WAV file."""

    name: str
    content: bytes
    etag: str
    """A strong entity tag with its quotes. It reveals nothing about the audio."""

    async def pieces(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yields the bytes from `start` to `end` (exclusive, None for all) in pieces of at most PIECE_BYTES."""
        last = len(self.content) if end is None else end
        for position in range(start, last, PIECE_BYTES):
            yield self.content[position : min(position + PIECE_BYTES, last)]


class Clips:
    """Finds clips, over one database and one audio store."""

    def __init__(
        self,
        database: Database,
        store: ListeningStore,
        subject: Subject[Any],
        audio: SpeechStore,
        secret: str,
    ) -> None:
        """`secret` and the name of a clip determine its noise, its leading silence and its entity tag."""
        self._database = database
        self._store = store
        self._subject = subject
        self._audio = audio
        self._seeds = derived_key(secret, "clips: noise and silence")
        self._tags = derived_key(secret, "clips: entity tags")
        self._clips: ByteLimitedCache[str, bytes] = ByteLimitedCache(MAX_CACHED_CLIP_BYTES, len)
        self._speech: ByteLimitedCache[str, rendering.Samples] = ByteLimitedCache(
            MAX_CACHED_SPEECH_BYTES, lambda samples: samples.nbytes
        )
        self._rendering_slots = asyncio.Semaphore(MAX_CONCURRENT_RENDERINGS)

    async def find(self, name: str) -> ListenerClip:
        """Returns a clip. The same name gives the same bytes every time.

        Raises NotFound if no clip has this name or its audio was deleted, Unauthenticated if its listener may no longer
        hear it, and Unavailable if the audio can't be read at the moment. No error reveals anything about the audio.
        """
        if not NAME.fullmatch(name):
            raise NotFound.of("clip", name[:200])
        async with self._database.reading() as connection:
            assignment = await self._assignment(connection, name)
        audio_name = assignment.audio_of(name)
        if audio_name is None:
            raise NotFound.of("clip", name)
        content = await self._clips.get(name, lambda: self._rendered(name, assignment, audio_name))
        tag = derived_key(self._tags, name)[:ETAG_BYTES]
        return ListenerClip(name, content, f'"{tag.hex()}"')

    async def _assignment(self, connection: AsyncConnection, name: str) -> Assignment:
        assignment = await self._store.assignment_of_clip(connection, name)
        if assignment is None:
            raise NotFound.of("clip", name)
        listener = await self._store.listener(connection, assignment.test_id, assignment.listener_id)
        if listener is None:
            raise NotFound.of("clip", name)
        await check_may_hear(connection, self._subject, listener)
        return assignment

    async def _rendered(self, name: str, assignment: Assignment, audio_name: str) -> bytes:
        samples = await self._speech.get(audio_name, lambda: self._resampled(name, audio_name))
        seconds = assignment.seconds_of(assignment.side_of(name))
        seed = derived_key(self._seeds, name)
        async with self._rendering_slots:
            return await asyncio.to_thread(rendering.clip, samples, assignment.target_lufs, seconds, seed)

    async def _resampled(self, name: str, audio_name: str) -> rendering.Samples:
        async with self._rendering_slots:
            stored = await self._stored(name, audio_name)
            return await asyncio.to_thread(rendering.resampled, stored)

    async def _stored(self, name: str, audio_name: str) -> bytes:
        """Returns the stored speech. Errors name the clip, because the name of the audio would reveal the candidate."""
        try:
            return await self._audio.get(audio_name)
        except NotFound:
            raise NotFound.of("clip", name) from None
        except Unavailable as error:
            log.warning("stored speech can't be read", audio_name=audio_name, error=error.message)
            raise Unavailable("The clip can't be read at the moment. Try again.") from None
