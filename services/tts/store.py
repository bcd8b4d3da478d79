"""What tts stores about jobs in the audio store: audio, measurements, and a record of every request to a provider."""

from dataclasses import asdict
from enum import Enum
from typing import Any

from services.runtime.audio_store import AudioStore
from services.runtime.clock import now
from services.tts.domain import Job, StoredSpeech, SynthesisMeasurements
from services.tts.object_names import audio_name, is_job_id, note_name, try_name


class AudioResults:
    """The results of jobs: a WAV and a JSON note beside it.

    A WAV without its note is not a result, so the note is written last.
    """

    def __init__(self, store: AudioStore) -> None:
        self._store = store

    async def find(self, job_id: str) -> StoredSpeech | None:
        """Returns the result of a job, None if the job has no result yet."""
        note: Any = await self._store.get_json(note_name(job_id))
        if note is None:
            return None
        return StoredSpeech(**{**note, "measurements": SynthesisMeasurements(**note["measurements"])})

    async def keep(self, speech: StoredSpeech, audio: bytes) -> StoredSpeech:
        """Stores a job's audio, a complete WAV, and then its note. Returns the job's result.

        If another process has already stored a result, that first result stays and is returned.
        """
        if (known := await self.find(speech.job_id)) is not None:
            return known
        await self._store.put(speech.audio_name, audio)
        if await self._store.create_json(note_name(speech.job_id), asdict(speech)):
            return speech
        return await self.find(speech.job_id) or speech

    async def delete(self, job_id: str) -> None:
        """Deletes a job's note and then its audio. Without its note the audio is no longer a result."""
        await self._store.delete(note_name(job_id))
        await self._store.delete(audio_name(job_id))


class Purpose(Enum):
    """Why a request is made."""

    SPEECH = "speech"
    WARM_UP = "warm_up"


class RequestLedger:
    """Records every request that a job makes to a provider, before the request is made.

    The records of a job are numbered from 1 without gaps, and none is ever replaced. So there are never more requests
    than records, also if the process is killed, and another process that continues the job continues the numbers.
    """

    def __init__(self, store: AudioStore) -> None:
        self._store = store

    def of(self, job: Job) -> "JobRequests":
        """Returns the recorder of one job, to be used while the job is in progress."""
        return JobRequests(self._store, job)

    async def delete(self, job_id: str) -> None:
        """Deletes a job's records, the last first, so that an interrupted deletion leaves no gap in the numbers."""
        for number in range(await _count(self._store, job_id), 0, -1):
            await self._store.delete(try_name(job_id, number))


class JobRequests:
    """The recorded requests of one job."""

    def __init__(self, store: AudioStore, job: Job) -> None:
        self._store = store
        self._job = job
        self._count: int | None = None

    async def record(self, purpose: Purpose) -> None:
        """Records a request that is about to be made. If this raises, the request must not be made.

        Raises Unavailable if the record cannot be written, and DiskFull if the audio might not fit, so that nobody pays
        for audio that cannot be stored.
        """
        self._store.check_free_space()
        number = (self._count or 0) + 1
        note: dict[str, object] = {
            "provider": self._job.provider,
            "attempt": self._job.attempt,
            "purpose": purpose.value,
            "at": now().isoformat(),
        }
        # Skips the records of earlier deliveries of the job.
        while not await self._store.create_json(try_name(self._job.job_id, number), note):
            number += 1
        self._count = number

    async def total(self) -> int:
        """Returns how many requests all processes have made for the job so far."""
        if self._count is None:
            self._count = await _count(self._store, self._job.job_id) if is_job_id(self._job.job_id) else 0
        return self._count


async def _count(store: AudioStore, job_id: str) -> int:
    count = 0
    while await store.exists(try_name(job_id, count + 1)):
        count += 1
    return count
