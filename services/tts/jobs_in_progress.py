"""The jobs that this process works on, and how they are cancelled."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from services.tts.domain import FailureKind, Job, SynthesisError

# Cancelled runs are remembered, so that their jobs that arrive later do not start.
MAX_CANCELLED_RUNS = 10_000


@dataclass(eq=False, slots=True)
class _TrackedJob:
    job: Job
    task: asyncio.Task[object]
    cancellations_before: int
    cancelled: bool = False


class JobsInProgress:
    """The tasks that speak, each with its job."""

    def __init__(self, max_cancelled_runs: int = MAX_CANCELLED_RUNS) -> None:
        self._tracked: set[_TrackedJob] = set()
        self._max_cancelled_runs = max_cancelled_runs
        self._cancelled: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tracked)

    @contextmanager
    def track(self, job: Job) -> Iterator[None]:
        """Registers the current task as speaking for a job, for the duration of the block.

        Raises SynthesisError cancelled if the job is already cancelled. If the job is cancelled during the block, the
        task is cancelled and the block raises the same error.
        """
        cancelled_at = self._cancelled.get((job.requester, job.run_id))
        # A job that was requested after the cancellation is valid: the jobs of a run can be requested again.
        if cancelled_at is not None and job.requested_at <= cancelled_at:
            raise _cancelled_error()
        task = asyncio.current_task()
        assert task is not None
        tracked = _TrackedJob(job, task, task.cancelling())
        self._tracked.add(tracked)
        try:
            yield
        except asyncio.CancelledError:
            # As in asyncio.timeout: only a cancellation by this class, and by nothing else, becomes an error.
            if tracked.cancelled and task.uncancel() <= tracked.cancellations_before:
                raise _cancelled_error() from None
            raise
        else:
            if tracked.cancelled and task.uncancel() <= tracked.cancellations_before:
                raise _cancelled_error()
        finally:
            self._tracked.discard(tracked)

    def cancel_run(self, requester: str, run_id: str, at: datetime) -> int:
        """Cancels the jobs of a run that were requested at or before `at`, also those that arrive later.

        Returns how many were in progress.
        """
        if not run_id:
            return 0
        key = (requester, run_id)
        self._cancelled[key] = max(at, self._cancelled.pop(key, at))
        while len(self._cancelled) > self._max_cancelled_runs:
            self._cancelled.popitem(last=False)
        return self._cancel(
            [
                tracked
                for tracked in self._tracked
                if (tracked.job.requester, tracked.job.run_id) == key and tracked.job.requested_at <= at
            ]
        )

    def cancel_jobs(self, job_ids: Collection[str]) -> int:
        """Cancels jobs that are in progress. Returns how many were."""
        return self._cancel([tracked for tracked in self._tracked if tracked.job.job_id in job_ids])

    def _cancel(self, chosen: Collection[_TrackedJob]) -> int:
        for tracked in chosen:
            if not tracked.cancelled:
                tracked.cancelled = True
                tracked.task.cancel()
        return len(chosen)


def _cancelled_error() -> SynthesisError:
    return SynthesisError(FailureKind.CANCELLED, "The requester cancelled the job")
