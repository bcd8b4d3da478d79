"""A job's audio and what was measured of it, kept in the audio store under the job's id."""

from dataclasses import asdict
from typing import Any

from services.runtime.audio_store import AudioStore
from services.tts.domain import Measurements, StoredSpeech
from services.tts.object_names import audio_name, note_name


class AudioResults:
    """The results of jobs. Audio without its note is not a result, so the note is written last."""

    def __init__(self, store: AudioStore) -> None:
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
