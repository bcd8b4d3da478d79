"""The steps of one evaluation: which ones they are, and how they begin and end."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.outside_text import one_line
from services.scoring.evaluations.domain import Evaluation
from services.scoring.evaluations.store import Run, Store
from services.scoring.pipeline.outcome_json import to_json
from services.scoring.pipeline.step import StepOutcome, StepStatus

NO_NUMBER = "It gave a value that is not a number."
NUL_TEXT = "It gave text that cannot be stored."


def pending_steps(evaluation: Evaluation) -> Sequence[StepOutcome]:
    """Returns all steps of a new evaluation."""
    return [
        StepOutcome(step, StepStatus.pending, condition=condition)
        for condition in ("", *evaluation.conditions)
        for step in evaluation.steps
    ]


def storable(outcome: StepOutcome) -> StepOutcome:
    """Returns an outcome that can be stored. A step whose result has a value that is not a number has failed."""
    reason = one_line(outcome.reason)
    try:
        # PostgreSQL stores no NUL.
        fault = NUL_TEXT if "\\u0000" in json.dumps(to_json(outcome.result), allow_nan=False) else ""
    except ValueError:
        fault = NO_NUMBER
    if not fault:
        return dataclasses.replace(outcome, reason=reason)
    return StepOutcome(outcome.step, StepStatus.failed, outcome.seconds, fault, condition=outcome.condition)


async def close_steps(connection: AsyncConnection, store: Store, run: Run, reason: str) -> None:
    """Ends the steps that have not ended: those in progress have failed, and those that wait are skipped."""
    ends = {StepStatus.started: StepStatus.failed, StepStatus.pending: StepStatus.skipped}
    found = await store.outcomes(connection, run.evaluation_id, results=False)
    unended = [one for one in found if one.status in ends]
    await store.record(
        connection, run, [dataclasses.replace(one, status=ends[one.status], reason=reason) for one in unended]
    )
