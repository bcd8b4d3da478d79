"""The scoring service's store in memory."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.domain import Evaluation, Job, Status
from services.scoring.metrics.signal import SignalMetrics
from tests.fakes.memory_database import table


class MemoryScoringStore:
    """Implements `services.scoring.store.Store` over a MemoryDatabase."""

    async def begin(self, connection: AsyncConnection, job: Job) -> Evaluation:
        evaluations = table(connection, "evaluations")
        known = evaluations.get(job.id)
        if known is not None and known.status is Status.failed and job.attempt > known.attempt:
            known = dataclasses.replace(known, status=Status.running, error_message="", completed_at=None)
        evaluation = (
            dataclasses.replace(known, attempt=max(known.attempt, job.attempt))
            if known is not None
            else Evaluation(
                id=job.id,
                attempt=job.attempt,
                developer_id=job.developer_id,
                audio_name=job.audio_name,
                status=Status.running,
                signal_metrics=None,
                error_message="",
                created_at=job.requested_at,
                completed_at=None,
            )
        )
        evaluations[job.id] = evaluation
        return evaluation

    async def finish(
        self, connection: AsyncConnection, evaluation_id: str, outcome: SignalMetrics | str, at: datetime
    ) -> None:
        evaluations = table(connection, "evaluations")
        evaluation = evaluations.get(evaluation_id)
        if evaluation is None or evaluation.status is not Status.running:
            return
        failed = isinstance(outcome, str)
        evaluations[evaluation_id] = dataclasses.replace(
            evaluation,
            status=Status.failed if failed else Status.completed,
            error_message=outcome if failed else "",
            signal_metrics=None if failed else outcome,
            completed_at=at,
        )

    async def get(self, connection: AsyncConnection, evaluation_id: str) -> Evaluation | None:
        return table(connection, "evaluations").get(evaluation_id)

    async def delete(self, connection: AsyncConnection, evaluation_ids: Sequence[str]) -> None:
        for evaluation_id in evaluation_ids:
            table(connection, "evaluations").pop(evaluation_id, None)
