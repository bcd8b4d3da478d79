"""A job's audio and what was measured of it, kept in the audio store under the job's id."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import asdict
from typing import Any, Protocol

from services.runtime.audio_store import StoredBytes
from services.tts.domain import Measurements, StoredSpeech
from services.tts.object_names import audio_name, note_name


class Store(Protocol):
    """What is needed of the audio store."""

    async def put(self, name: str, data: bytes) -> None:
        """Stores or replaces one object, whole or not at all."""

    async def create_json(self, name: str, value: dict[str, object]) -> bool:
        """Stores a note unless there is one of this name; says whether it did."""

    async def get_json(self, name: str) -> dict[str, object] | None:
        """Returns a note, None if there is none."""

    def open(self, name: str) -> AsyncIterator[bytes]:
        """Yields one object; NotFound if there is none."""

    async def find_bytes(self, name: str) -> StoredBytes:
        """Returns how large an object is and which version of it is there; NotFound if there is none."""

    def read(self, stored: StoredBytes, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Yields a part of the very version of an object that was found."""

    async def delete(self, name: str) -> None:
        """Deletes an object, if it is there."""


class AudioResults:
    """The results of jobs. Audio without its note is not a result, so the note is written last."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, job_id: str) -> StoredSpeech | None:
        """Returns what is known of a job's audio, None if it is not finished."""
        note: Any = await self._store.get_json(note_name(job_id))
        if note is None:
            return None
        return StoredSpeech(**{**note, "measurements": Measurements(**note["measurements"])})

    async def keep(self, speech: StoredSpeech, audio: bytes) -> StoredSpeech:
        """Stores a job's audio, a whole WAV, and then its note; returns the job's result.

        That is the first one: a process that stood still and comes late with another finds it there.
        """
        if (known := await self.find(speech.job_id)) is not None:
            return known
        await self._store.put(speech.audio_name, audio)
        if await self._store.create_json(note_name(speech.job_id), asdict(speech)):
            return speech
        return await self.find(speech.job_id) or speech

    async def delete(self, job_id: str) -> None:
        """Deletes a job's note, so that it is no result any more, and then its audio."""
        await self._store.delete(note_name(job_id))
        await self._store.delete(audio_name(job_id))

    def open(self, speech_name: str) -> AsyncIterator[bytes]:
        """Yields a WAV in pieces of 64 KiB; NotFound if there is none."""
        return self._store.open(speech_name)

    async def find_audio(self, speech_name: str) -> StoredBytes:
        """Returns how large a WAV is and which version of it is there; NotFound if there is none."""
        return await self._store.find_bytes(speech_name)

    def read(self, stored: StoredBytes, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Yields a part of a WAV in pieces of 64 KiB."""
        return self._store.read(stored, start, end)
