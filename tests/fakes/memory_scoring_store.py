"""The scoring service's store in memory."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.domain import Job, JobEvaluation, Status
from services.scoring.metrics.signal import SignalMetrics
from tests.fakes.memory_database import table


class MemoryScoringStore:
    """Implements `services.scoring.store.Store` over a MemoryDatabase."""

    async def begin(self, connection: AsyncConnection, job: Job) -> JobEvaluation:
        evaluations = table(connection, "evaluations")
        known = await self.get(connection, job.id)
        if known is not None and known.status is Status.failed and job.attempt > known.attempt:
            known = dataclasses.replace(known, status=Status.running, error_message="", completed_at=None)
        evaluation = (
            dataclasses.replace(known, attempt=max(known.attempt, job.attempt))
            if known is not None
            else JobEvaluation(
                id=job.id,
                attempt=job.attempt,
                developer_id=job.developer_id,
                audio_name=job.audio_name,
                status=Status.running,
                signal_metrics=None,
                error_message="",
                created_at=job.requested_at,
                completed_at=None,
                requester=job.requester,
            )
        )
        if job.id in evaluations and evaluation.queued_at is not None:
            evaluations[job.id] = dataclasses.replace(evaluations[job.id], attempt=evaluation.attempt)
        else:
            evaluations[job.id] = evaluation
        return evaluation

    async def finish(
        self, connection: AsyncConnection, evaluation_id: str, outcome: SignalMetrics | str, at: datetime
    ) -> JobEvaluation | None:
        evaluation = await self.get(connection, evaluation_id)
        if evaluation is None or evaluation.status is not Status.running or evaluation.queued_at is not None:
            return None
        ended = (
            dataclasses.replace(evaluation, status=Status.failed, error_message=outcome, completed_at=at)
            if isinstance(outcome, str)
            else dataclasses.replace(evaluation, status=Status.completed, signal_metrics=outcome, completed_at=at)
        )
        table(connection, "evaluations")[evaluation_id] = ended
        return ended

    async def get(self, connection: AsyncConnection, evaluation_id: str) -> JobEvaluation | None:
        found = table(connection, "evaluations").get(evaluation_id)
        if found is None or isinstance(found, JobEvaluation):
            return found
        # Models listen to it, so it is stored as `memory_evaluation_store` stores evaluations.
        names = [field.name for field in dataclasses.fields(JobEvaluation) if field.name != "queued_at"]
        queued_at = table(connection, "waiting")[evaluation_id].queued_at
        return JobEvaluation(**{name: getattr(found, name) for name in names}, queued_at=queued_at)

    async def delete(self, connection: AsyncConnection, evaluation_ids: Sequence[str]) -> Sequence[str]:
        found = [await self.get(connection, evaluation_id) for evaluation_id in evaluation_ids]
        for name in ("evaluations", "waiting", "evaluation_steps"):
            for evaluation_id in evaluation_ids:
                table(connection, name).pop(evaluation_id, None)
        return [each.id for each in found if each is not None and each.queued_at is not None and not each.ended]
