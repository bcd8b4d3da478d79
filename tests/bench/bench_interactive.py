"""Measures how long an interactive recording waits while 1,000 recordings of bulk work are in the queue.

It uses the queues and processes of scoring with a model that takes a fixed time for each batch, so the wait can be
counted in batches.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from services.runtime.background import end_tasks
from services.scoring.backends.backend import BackendSettings
from services.scoring.pipeline.step import StepOutcome, StepStatus
from services.scoring.pipeline.work import Options
from services.scoring.workers.job import EvaluationJob
from services.scoring.workers.pool import WorkerPool
from tests.bench.bench_uploads import percentile
from tests.bench.result import BenchResult

BULK = 1000
INTERACTIVE = 60
WORKERS = 4
DEVELOPERS = 5
BATCH_SECONDS = 0.15
TARGET_BATCHES = 2.0
WORKER = (sys.executable, "-m", "tests.fakes.scripted_worker")
OWNER = (sys.executable, "-m", "tests.fakes.scripted_model_owner")


async def run() -> list[BenchResult]:
    """Evaluates interactive recordings one after the other, each at another moment of a batch."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "seconds").write_text(str(BATCH_SECONDS))
        recording = folder / "recording.json"
        recording.write_text(json.dumps({"quality": "call quality"}))
        settings = BackendSettings(model_dir=folder)
        pool = WorkerPool(WORKERS, 600.0, settings, worker_command=WORKER, owner_command=OWNER)
        try:
            return [await _measure(pool, recording)]
        finally:
            await pool.close()


async def _measure(pool: WorkerPool, recording: Path) -> BenchResult:
    interactive = EvaluationJob("evl_interactive", "dev_interactive", recording, Options(), (), (), interactive=True)
    # The processes start for the first one.
    alone = min([await _seconds(pool, interactive) for _ in range(5)])
    bulk = [asyncio.create_task(_seconds(pool, _bulk_job(recording, number))) for number in range(BULK)]
    try:
        await asyncio.wait(bulk, return_when=asyncio.FIRST_COMPLETED)
        waits = []
        for number in range(INTERACTIVE):
            # Moments that are spread over a batch.
            await asyncio.sleep(BATCH_SECONDS * (number * 0.618 % 1))
            waits.append((await _seconds(pool, interactive) - alone) / BATCH_SECONDS)
        left = sum(not task.done() for task in bulk)
    finally:
        await end_tasks(bulk)
    return BenchResult(
        name=f"wait behind {BULK:,} recordings, p95",
        value=percentile(waits, 95),
        unit="batches",
        target=TARGET_BATCHES,
        higher_is_better=False,
        detail=f"{INTERACTIVE} interactive recordings, median {percentile(waits, 50):.2f}, longest {max(waits):.2f} "
        f"with the start of a process; "
        f"a batch takes {BATCH_SECONDS * 1000:.0f} ms; {left} still waited at the end",
    )


def _bulk_job(recording: Path, number: int) -> EvaluationJob:
    developer_id = f"dev_{number % DEVELOPERS}"
    return EvaluationJob(f"evl_{number}", developer_id, recording, Options(), (), (), interactive=False)


async def _seconds(pool: WorkerPool, job: EvaluationJob) -> float:
    """Returns how long a recording takes, from its arrival to the end of its last step."""
    started = time.perf_counter()
    ended: list[StepOutcome] = []
    await pool.run(job, ended.append)
    if ended[-1].status is not StepStatus.completed:
        raise RuntimeError(ended[-1].reason)
    return time.perf_counter() - started
