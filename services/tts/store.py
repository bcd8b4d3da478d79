"""What tts keeps of jobs in the audio store: the audio, what was measured of it, and every request to a provider."""

from dataclasses import asdict
from enum import Enum
from typing import Any

from services.runtime.audio_store import AudioStore
from services.runtime.clock import now
from services.tts.domain import Job, Measurements, StoredSpeech
from services.tts.object_names import audio_name, is_job_id, note_name, try_name


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


class Purpose(Enum):
    """What a request is made for."""

    SPEECH = "speech"
    WARM_UP = "warm_up"


class RequestLedger:
    """The records of all jobs: every request that a job makes to a provider, recorded before it is made.

    The objects of a job are numbered from 1 without gaps, and none is ever replaced. So there are never more requests
    than records, not even if the process is killed, and whoever goes on with the job goes on counting.
    """

    def __init__(self, store: AudioStore) -> None:
        self._store = store

    def of(self, job: Job) -> "JobRequests":
        """Returns a job's records, for as long as it is in hand."""
        return JobRequests(self._store, job)

    async def forget(self, job_id: str) -> None:
        """Deletes a job's records, the last first, so that an interrupted deletion leaves no gap."""
        for number in range(await _count(self._store, job_id), 0, -1):
            await self._store.delete(try_name(job_id, number))


class JobRequests:
    """The requests of one job."""

    def __init__(self, store: AudioStore, job: Job) -> None:
        self._store = store
        self._job = job
        self._count: int | None = None

    async def record(self, purpose: Purpose) -> None:
        """Records a request that is about to be made; Unavailable if it can't be, and then it must not be made.

        DiskFull if its audio might not fit: what can't be kept need not be paid for.
        """
        self._store.check_room()
        number = (self._count or 0) + 1
        note: dict[str, object] = {
            "provider": self._job.provider,
            "attempt": self._job.attempt,
            "purpose": purpose.value,
            "at": now().isoformat(),
        }
        # Those that are there are of earlier deliveries of the job.
        while not await self._store.create_json(try_name(self._job.job_id, number), note):
            number += 1
        self._count = number

    async def total(self) -> int:
        """Returns how many requests were made for the job so far, by whichever process."""
        if self._count is None:
            self._count = await _count(self._store, self._job.job_id) if is_job_id(self._job.job_id) else 0
        return self._count


async def _count(store: AudioStore, job_id: str) -> int:
    count = 0
    while await store.exists(try_name(job_id, count + 1)):
        count += 1
    return count
