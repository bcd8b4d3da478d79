"""The clips that listeners hear, made of stored speech when they are fetched."""

import asyncio
import re
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

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
# A clip of five seconds has 240 kB, and its speech before it is dithered twice that. Both clips of a pair are fetched
# close to one another, a clip often in several ranges, and its speech by many listeners.
KEPT_CLIP_BYTES = 12 * 1024 * 1024
KEPT_SPEECH_BYTES = 20 * 1024 * 1024
# So that many listeners at once neither fill the memory nor keep the other calls from the processor.
RENDERED_AT_A_TIME = 2
ETAG_BYTES = 16


class Audio(Protocol):
    """Where speech is stored."""

    async def get(self, name: str) -> bytes:
        """Returns a stored WAV; NotFound if there is none, Unavailable if that can't be told."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What is sent to a listener."""

    name: str
    content: bytes
    etag: str
    """A strong entity tag, with its quotes. It says nothing of what the clip is made of."""

    async def pieces(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yields the bytes from a position to another one, without the last, in pieces."""
        last = len(self.content) if end is None else end
        for position in range(start, last, PIECE_BYTES):
            yield self.content[position : min(position + PIECE_BYTES, last)]


class Clips:
    """The use case over one database and audio store."""

    def __init__(
        self,
        database: Database,
        store: ListeningStore,
        subject: Subject[Any],
        audio: Audio,
        secret: str,
    ) -> None:
        """`secret` decides, with a clip's name, what tells it from other clips of the same speech."""
        self._database = database
        self._store = store
        self._subject = subject
        self._audio = audio
        self._seeds = derived_key(secret, "clips: noise and silence")
        self._tags = derived_key(secret, "clips: entity tags")
        self._clips: _Kept[str, bytes] = _Kept(KEPT_CLIP_BYTES, len)
        self._speech: _Kept[str, rendering.Samples] = _Kept(KEPT_SPEECH_BYTES, lambda samples: samples.nbytes)
        self._turns = asyncio.Semaphore(RENDERED_AT_A_TIME)

    async def find(self, name: str) -> Clip:
        """Returns a clip; the same bytes every time.

        NotFound if there is none of this name, or its audio was deleted; Unauthenticated if its listener may not hear
        it any more. No error says anything of the audio.
        """
        if not NAME.fullmatch(name):
            raise NotFound.of("clip", name[:200])
        async with self._database.reading() as connection:
            assignment = await self._assignment(connection, name)
        audio_name = assignment.audio_of(name)
        if audio_name is None:
            raise NotFound.of("clip", name)
        content = await self._clips.get(name, lambda: self._made(name, assignment, audio_name))
        tag = derived_key(self._tags, name)[:ETAG_BYTES]
        return Clip(name, content, f'"{tag.hex()}"')

    async def _assignment(self, connection: AsyncConnection, name: str) -> Assignment:
        assignment = await self._store.assignment_of_clip(connection, name)
        if assignment is None:
            raise NotFound.of("clip", name)
        listener = await self._store.listener(connection, assignment.test_id, assignment.listener_id)
        if listener is None:
            raise NotFound.of("clip", name)
        await check_may_hear(connection, self._subject, listener)
        return assignment

    async def _made(self, name: str, assignment: Assignment, audio_name: str) -> bytes:
        played = await self._speech.get(audio_name, lambda: self._played(name, audio_name))
        seconds = assignment.seconds_of(assignment.side_of(name))
        seed = derived_key(self._seeds, name)
        async with self._turns:
            return await asyncio.to_thread(rendering.clip, played, assignment.target_lufs, seconds, seed)

    async def _played(self, name: str, audio_name: str) -> rendering.Samples:
        async with self._turns:
            stored = await self._stored(name, audio_name)
            return await asyncio.to_thread(rendering.resampled, stored)

    async def _stored(self, name: str, audio_name: str) -> bytes:
        """Returns the stored speech; errors speak of the clip, since their own name the audio."""
        try:
            return await self._audio.get(audio_name)
        except NotFound:
            raise NotFound.of("clip", name) from None
        except Unavailable as error:
            log.warning("stored speech can't be read", audio_name=audio_name, error=error.message)
            raise Unavailable("the clip can't be read now; try again") from None


Key = TypeVar("Key")
Value = TypeVar("Value")


class _Kept(Generic[Key, Value]):
    """What was made lately, up to some number of bytes."""

    def __init__(self, max_bytes: int, size: Callable[[Value], int]) -> None:
        self._max_bytes = max_bytes
        self._size = size
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._bytes = 0
        self._making: weakref.WeakValueDictionary[Key, asyncio.Lock] = weakref.WeakValueDictionary()

    async def get(self, key: Key, make: Callable[[], Awaitable[Value]]) -> Value:
        """Returns a value, made once however many want it at this moment."""
        lock = self._making.setdefault(key, asyncio.Lock())
        async with lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            value = self._values[key] = await make()
        self._bytes += self._size(value)
        while self._bytes > self._max_bytes:
            self._bytes -= self._size(self._values.popitem(last=False)[1])
        return value
