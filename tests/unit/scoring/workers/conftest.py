from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from services.scoring.backends.backend import BackendSettings
from services.scoring.pipeline.step import RecordingEvaluation, StepOutcome
from services.scoring.pipeline.work import Options
from services.scoring.workers.job import EvaluationJob
from services.scoring.workers.pool import WorkerPool

SCRIPTED_WORKER = (sys.executable, "-m", "tests.fakes.scripted_worker")
SCRIPTED_MODEL_OWNER = (sys.executable, "-m", "tests.fakes.scripted_model_owner")

NewPool = Callable[..., WorkerPool]


@pytest.fixture
def new_pool_factory(tmp_path: Path) -> NewPool:
    """Makes pools of scripted workers, which the test closes."""

    def make(max_workers: int = 1, idle_seconds: float = 600.0, max_waiting: int = 10) -> WorkerPool:
        return WorkerPool(
            max_workers,
            idle_seconds,
            BackendSettings(model_dir=tmp_path),
            max_waiting=max_waiting,
            worker_command=SCRIPTED_WORKER,
            owner_command=SCRIPTED_MODEL_OWNER,
        )

    return make


@pytest.fixture
async def new_pool(new_pool_factory: NewPool) -> AsyncIterator[NewPool]:
    """Makes pools of scripted workers, and closes them at the end."""
    pools = []

    def make(**limits: float) -> WorkerPool:
        pools.append(new_pool_factory(**limits))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


class Running:
    """A scripted job that runs, and the outcomes that it has reported."""

    def __init__(self, pool: WorkerPool, job: EvaluationJob) -> None:
        self.outcomes: list[tuple[str, str]] = []
        self._changed = asyncio.Event()
        self.task: asyncio.Task[RecordingEvaluation] = asyncio.create_task(pool.run(job, self._note))

    def _note(self, outcome: StepOutcome) -> None:
        self.outcomes.append((outcome.step, outcome.status.value))
        self._changed.set()

    async def reached(self, step: str, status: str = "started") -> None:
        """Waits until a step has this status."""
        async with asyncio.timeout(60):
            while (step, status) not in self.outcomes:
                self._changed.clear()
                await self._changed.wait()


Begin = Callable[..., Running]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Begins scripted jobs."""
    count = iter(range(1000))

    def start(
        pool: WorkerPool, script: Mapping[str, str], developer_id: str = "dev_a", *, interactive: bool = True
    ) -> Running:
        number = next(count)
        path = tmp_path / f"script-{number}.json"
        path.write_text(json.dumps(script))
        job = EvaluationJob(f"evl_{number}", developer_id, path, Options(), (), (), interactive)
        return Running(pool, job)

    return start
