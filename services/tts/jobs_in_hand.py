"""The jobs that this process works on, and how those that nobody wants any more are ended."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from services.tts.domain import FailureKind, Job, SynthesisError

# Cancelled runs that are remembered, so that their jobs that still come are not begun.
MAX_CANCELLED_RUNS = 10_000


@dataclass(eq=False, slots=True)
class _Work:
    job: Job
    task: asyncio.Task[object]
    cancellations_before: int
    withdrawn: bool = False


class JobsInHand:
    """Who speaks for which job."""

    def __init__(self, most_cancelled_runs: int = MAX_CANCELLED_RUNS) -> None:
        self._work: set[_Work] = set()
        self._most = most_cancelled_runs
        self._cancelled: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._work)

    @contextmanager
    def hold(self, job: Job) -> Iterator[None]:
        """Marks the current task as speaking for a job.

        SynthesisError cancelled if the job was withdrawn already, or is while the block runs, which is then cancelled.
        """
        cancelled_at = self._cancelled.get((job.requester, job.run_id))
        # What was asked for after the cancellation is meant: a run's jobs may be asked for again.
        if cancelled_at is not None and job.requested_at <= cancelled_at:
            raise _withdrawn()
        task = asyncio.current_task()
        assert task is not None
        work = _Work(job, task, task.cancelling())
        self._work.add(work)
        try:
            yield
        except asyncio.CancelledError:
            # As asyncio.timeout does: only a cancellation that is ours and nobody else's becomes an error.
            if work.withdrawn and task.uncancel() <= work.cancellations_before:
                raise _withdrawn() from None
            raise
        else:
            if work.withdrawn and task.uncancel() <= work.cancellations_before:
                raise _withdrawn()
        finally:
            self._work.discard(work)

    def cancel_run(self, requester: str, run_id: str, at: datetime) -> int:
        """Withdraws the jobs of a run that were asked for until then, those too that come later; returns how many were
        in hand."""
        if not run_id:
            return 0
        key = (requester, run_id)
        self._cancelled[key] = max(at, self._cancelled.pop(key, at))
        while len(self._cancelled) > self._most:
            self._cancelled.popitem(last=False)
        return self._withdraw(
            [
                work
                for work in self._work
                if (work.job.requester, work.job.run_id) == key and work.job.requested_at <= at
            ]
        )

    def cancel_jobs(self, job_ids: Collection[str]) -> int:
        """Withdraws jobs that are in hand; returns how many were."""
        return self._withdraw([work for work in self._work if work.job.job_id in job_ids])

    def _withdraw(self, chosen: Collection[_Work]) -> int:
        for work in chosen:
            if not work.withdrawn:
                work.withdrawn = True
                work.task.cancel()
        return len(chosen)


def _withdrawn() -> SynthesisError:
    return SynthesisError(FailureKind.CANCELLED, "whoever asked for it did not want it any more")
