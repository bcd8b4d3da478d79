"""Every request that a job makes to a provider, recorded in the audio store before it is made.

The objects of a job are numbered from 1 without gaps, and none is ever replaced. So there are never more requests than
records, not even if the process is killed, and whoever goes on with the job goes on counting.
"""

from enum import Enum

from services.runtime.audio_store import AudioStore
from services.runtime.clock import now
from services.tts.domain import Job
from services.tts.object_names import is_job_id, try_name


class Purpose(Enum):
    """What a request is made for."""

    SPEECH = "speech"
    WARM_UP = "warm_up"


class RequestLedger:
    """The records of all jobs."""

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
