"""The steps of one evaluation: which ones they are, and how they begin and end."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scoring.evaluations.domain import Evaluation
from services.scoring.evaluations.store import Run, Store
from services.scoring.pipeline.step import StepOutcome, StepStatus


def pending_steps(evaluation: Evaluation) -> Sequence[StepOutcome]:
    """Returns all steps of a new evaluation."""
    return [
        StepOutcome(step, StepStatus.pending, condition=condition)
        for condition in ("", *evaluation.conditions)
        for step in evaluation.steps
    ]


async def close_steps(connection: AsyncConnection, store: Store, run: Run, reason: str) -> None:
    """Ends the steps that have not ended: those in progress have failed, and those that wait are skipped."""
    ends = {StepStatus.started: StepStatus.failed, StepStatus.pending: StepStatus.skipped}
    found = await store.outcomes(connection, run.evaluation_id, results=False)
    unended = [one for one in found if one.status in ends]
    await store.record(
        connection, run, [dataclasses.replace(one, status=ends[one.status], reason=reason) for one in unended]
    )
