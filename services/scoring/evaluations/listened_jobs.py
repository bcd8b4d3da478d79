"""Jobs to whose audio models listen, such as trials: which steps that takes, and how they wait for their turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.db import notify
from services.runtime.telemetry import current_traceparent
from services.scoring.domain import Job
from services.scoring.evaluations.domain import DEFAULT_LANGUAGE, MAX_WAITING
from services.scoring.evaluations.steps import close_steps
from services.scoring.evaluations.store import ListenedJob, Run, Store
from services.scoring.evaluations.usecases import CHANGED, WAITING
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.pipeline.evaluating import chosen_steps
from services.scoring.pipeline.step import StepOutcome

STEPS = tuple(
    step.name
    for step in chosen_steps(("transcription", "word_errors", "meaning", "prosody", "naturalness", "quality"))
    if step.name != "signal"
)
"""The steps that listen, with those that they need. The samples are measured before, without decoding."""
OUT_OF_TIME = "The requester waited no longer for the models."


class ListenedJobs:
    """The queue of jobs to which models listen. Each method runs in the caller's transaction."""

    def __init__(self, store: Store, max_waiting: int = MAX_WAITING) -> None:
        self._store = store
        self._max_waiting = max_waiting

    async def is_full(self, connection: AsyncConnection) -> bool:
        """Returns whether as many jobs wait as may wait."""
        return await self._store.count_jobs(connection) >= self._max_waiting

    async def add(self, connection: AsyncConnection, job: Job, measured: SignalMetrics, at: datetime) -> bool:
        """Makes a running evaluation wait for models. Returns False if it is not running or waits already."""
        listened = ListenedJob(
            job.reference_text, job.language or DEFAULT_LANGUAGE, STEPS, measured, current_traceparent()
        )
        added = await self._store.queue_job(connection, job.id, listened, at)
        if added:
            await notify(connection, WAITING, job.id)
        return added

    async def stop_waiting(self, connection: AsyncConnection, job_id: str, at: datetime) -> bool:
        """Completes an evaluation that waits for models without them. Returns False if it waits no more."""
        found = await self._store.lock(connection, job_id)
        if found is None or found.ended or not found.steps:
            return False
        await close_steps(connection, self._store, Run(job_id, found.run), OUT_OF_TIME)
        await self._store.complete_job(connection, job_id, at)
        await notify(connection, CHANGED, job_id)
        return True

    async def outcomes(self, connection: AsyncConnection, job_id: str) -> Sequence[StepOutcome]:
        """Returns how the steps ended."""
        return await self._store.outcomes(connection, job_id)

    async def interrupt(self, connection: AsyncConnection, job_ids: Iterable[str]) -> None:
        """Wakes the process that listens to jobs, if there is one, because they are deleted."""
        for job_id in job_ids:
            await notify(connection, CHANGED, job_id)
