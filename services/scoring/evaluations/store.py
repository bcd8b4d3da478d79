"""The queries for evaluations of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.request_ids import EarlierRequest
from services.scoring.domain import Status
from services.scoring.evaluations.domain import Evaluation
from services.scoring.evaluations.tables import (
    COLUMNS,
    EVALUATIONS,
    STEPS,
    UNUSED,
    evaluation_from,
    evaluation_values,
    outcome_from,
    outcome_values,
)
from services.scoring.metrics.signal import SignalMetrics
from services.scoring.pipeline.step import StepOutcome, StepStatus

_E, _S, _U = EVALUATIONS.c, STEPS.c, UNUSED.c
_LOCK_COUNT = sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))")
# As in the index `evaluations_waiting`.
_UNENDED = sa.and_(
    _E.queued_at.is_not(None), _E.status.in_([sa.literal_column("'pending'"), sa.literal_column("'running'")])
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an evaluation. A run that was superseded or whose evaluation has ended changes nothing."""

    evaluation_id: str
    number: int


@dataclass(frozen=True, slots=True)
class ListenedJob:
    """What models need to know of a job, and what is known of its audio."""

    reference_text: str
    language: str
    steps: tuple[str, ...]
    signal_metrics: SignalMetrics
    traceparent: str = ""


class Store(Protocol):
    """The storage of evaluations of recordings. Each method runs in the connection's transaction, if it has one."""

    async def count(self, connection: AsyncConnection, developer_id: str) -> tuple[int, int]:
        """Returns how many evaluations of recordings a developer has, and how many of all developers wait.

        Another transaction that counts for the same developer waits until this one ends.
        """

    async def add(
        self,
        connection: AsyncConnection,
        evaluation: Evaluation,
        outcomes: Sequence[StepOutcome],
        request_id: str,
        fingerprint: bytes | None,
    ) -> bool:
        """Adds a pending evaluation with its steps. Returns False if the request id was used before."""

    async def queue_job(
        self, connection: AsyncConnection, evaluation_id: str, listened: ListenedJob, at: datetime
    ) -> bool:
        """Stores the metrics of a job's samples, and makes its evaluation wait with pending steps.

        Returns False if the evaluation is not running or waits already.
        """

    async def count_jobs(self, connection: AsyncConnection) -> int:
        """Returns how many evaluations of jobs have not ended that models listen to."""

    async def complete_job(self, connection: AsyncConnection, evaluation_id: str, at: datetime) -> None:
        """Completes the evaluation of a job that waits or is listened to."""

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[Evaluation] | None:
        """Returns what an earlier call with a request id made, None if there was none."""

    async def get(self, connection: AsyncConnection, evaluation_id: str) -> Evaluation | None:
        """Returns an evaluation, also that of a job. None if it does not exist."""

    async def lock(self, connection: AsyncConnection, evaluation_id: str) -> Evaluation | None:
        """Returns an evaluation, locked until the transaction ends."""

    async def outcomes(
        self, connection: AsyncConnection, evaluation_id: str, *, results: bool = True
    ) -> Sequence[StepOutcome]:
        """Returns how the steps stand: those of the recording itself first, in the order in which they were added.
        Without `results` the results are left out."""

    async def page(
        self,
        connection: AsyncConnection,
        developer_id: str,
        *,
        model_id: str,
        scenario_id: str,
        status: str,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> Sequence[Evaluation]:
        """Returns a developer's evaluations, newest first. An empty filter matches all."""

    async def find_audio(self, connection: AsyncConnection, developer_id: str, audio_name: str) -> Evaluation | None:
        """Returns the oldest evaluation of a developer with audio of this name, None if there is none."""

    async def claim(
        self, connection: AsyncConnection, now: datetime, until: datetime, *, jobs: bool = False
    ) -> Evaluation | None:
        """Begins the next run of an evaluation that waits, or whose process has not renewed its claim.

        It is the evaluation of a recording, or of a job if `jobs` is True. The developer with the fewest running ones
        comes first, then the evaluation that waits longest. All its steps are pending again. Returns None if there is
        none.
        """

    async def renew(self, connection: AsyncConnection, run: Run, until: datetime) -> bool:
        """Extends the claim of a run. Returns False if the run may change nothing."""

    async def record(self, connection: AsyncConnection, run: Run, outcomes: Sequence[StepOutcome]) -> None:
        """Stores how steps stand. A step that has ended stays as it is. `renew` must have returned True before."""

    async def hand_back(self, connection: AsyncConnection, run: Run) -> None:
        """Makes the evaluation of an unfinished run wait again. The run does not count as a try."""

    async def end(
        self,
        connection: AsyncConnection,
        run: Run,
        error_message: str,
        duration_seconds: float | None,
        at: datetime,
    ) -> Evaluation | None:
        """Ends a run as failed, or as completed if the message is empty. Returns None if the run may change nothing."""

    async def cancel(self, connection: AsyncConnection, evaluation_id: str, at: datetime) -> Evaluation:
        """Cancels an evaluation that has not ended, and returns it."""

    async def restart(self, connection: AsyncConnection, evaluation_id: str, at: datetime) -> Evaluation:
        """Makes an evaluation that has ended wait again, and returns it. All its steps are pending."""

    async def delete(self, connection: AsyncConnection, evaluation_id: str) -> None:
        """Deletes an evaluation with its steps."""


class SqlStore:
    """The store in PostgreSQL."""

    async def count(self, connection: AsyncConnection, developer_id: str) -> tuple[int, int]:
        # The lock needs its own statement, so that the next statement sees the state after the lock.
        await connection.execute(_LOCK_COUNT, {"name": f"voicearena evaluations {developer_id}"})
        kept = sa.select(sa.func.count()).where(
            _E.developer_id == developer_id, _E.queued_at.is_not(None), _E.requester == ""
        )
        waiting = sa.select(sa.func.count()).where(_UNENDED, _E.requester == "")
        query = sa.select(kept.scalar_subquery(), waiting.scalar_subquery())
        row = (await connection.execute(query)).one()
        return int(row[0]), int(row[1])

    async def add(
        self,
        connection: AsyncConnection,
        evaluation: Evaluation,
        outcomes: Sequence[StepOutcome],
        request_id: str,
        fingerprint: bytes | None,
    ) -> bool:
        added = await connection.execute(
            insert(EVALUATIONS)
            .values(
                **evaluation_values(evaluation),
                queued_at=evaluation.created_at,
                request_id=request_id or None,
                request_fingerprint=fingerprint if request_id else None,
            )
            .on_conflict_do_nothing(constraint="evaluations_request")
            .returning(_E.id)
        )
        if added.first() is None:
            return False
        await _add_steps(connection, evaluation.id, outcomes)
        return True

    async def queue_job(
        self, connection: AsyncConnection, evaluation_id: str, listened: ListenedJob, at: datetime
    ) -> bool:
        queued = await connection.execute(
            sa.update(EVALUATIONS)
            .where(_E.id == evaluation_id, _E.status == Status.running.value, _E.queued_at.is_(None))
            .values(
                status=Status.pending.value,
                signal_metrics=asdict(listened.signal_metrics),
                reference_text=listened.reference_text,
                language=listened.language,
                steps=list(listened.steps),
                traceparent=listened.traceparent,
                queued_at=at,
            )
            .returning(_E.id)
        )
        if queued.first() is None:
            return False
        await _add_steps(connection, evaluation_id, [StepOutcome(step, StepStatus.pending) for step in listened.steps])
        return True

    async def count_jobs(self, connection: AsyncConnection) -> int:
        query = sa.select(sa.func.count()).where(_UNENDED, _E.requester != "")
        return int((await connection.execute(query)).scalar_one())

    async def complete_job(self, connection: AsyncConnection, evaluation_id: str, at: datetime) -> None:
        values = {"status": Status.completed.value, "completed_at": at, "claimed_until": None}
        await _changed(connection, evaluation_id, **values)

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[Evaluation] | None:
        query = sa.select(*COLUMNS, _E.request_fingerprint)
        query = query.where(_E.developer_id == developer_id, _E.request_id == request_id)
        row = (await connection.execute(query)).one_or_none()
        return EarlierRequest(evaluation_from(row[:-1]), row[-1], row.created_at) if row else None

    async def get(self, connection: AsyncConnection, evaluation_id: str) -> Evaluation | None:
        return await _one(connection, sa.select(*COLUMNS).where(_E.id == evaluation_id))

    async def lock(self, connection: AsyncConnection, evaluation_id: str) -> Evaluation | None:
        return await _one(connection, sa.select(*COLUMNS).where(_E.id == evaluation_id).with_for_update())

    async def outcomes(
        self, connection: AsyncConnection, evaluation_id: str, *, results: bool = True
    ) -> Sequence[StepOutcome]:
        columns = [column for column in STEPS.c if results or column is not _S.result]
        query = sa.select(*columns).where(_S.evaluation_id == evaluation_id).order_by(_S.position)
        return [outcome_from(row._asdict()) for row in await connection.execute(query)]

    async def page(
        self,
        connection: AsyncConnection,
        developer_id: str,
        *,
        model_id: str,
        scenario_id: str,
        status: str,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> Sequence[Evaluation]:
        query = sa.select(*COLUMNS).where(_E.developer_id == developer_id)
        for column, wanted in ((_E.model_id, model_id), (_E.scenario_id, scenario_id), (_E.status, status)):
            if wanted:
                query = query.where(column == wanted)
        if after is not None:
            query = query.where(sa.tuple_(_E.created_at, _E.id) < sa.tuple_(*after))
        query = query.order_by(_E.created_at.desc(), _E.id.desc()).limit(limit)
        return [evaluation_from(row) for row in await connection.execute(query)]

    async def find_audio(self, connection: AsyncConnection, developer_id: str, audio_name: str) -> Evaluation | None:
        query = sa.select(*COLUMNS).where(_E.audio_name == audio_name, _E.developer_id == developer_id)
        return await _one(connection, query.order_by(_E.created_at, _E.id).limit(1))

    async def claim(
        self, connection: AsyncConnection, now: datetime, until: datetime, *, jobs: bool = False
    ) -> Evaluation | None:
        running = (
            sa.select(_E.developer_id, sa.func.count().label("number"))
            .where(_UNENDED, _E.claimed_until >= now, _E.requester != "" if jobs else _E.requester == "")
            .group_by(_E.developer_id)
            .subquery("running")
        )
        waiting = EVALUATIONS.alias("waiting")
        waits = waiting.c
        query = (
            sa.select(waits.id)
            .outerjoin(running, running.c.developer_id == waits.developer_id)
            .where(
                waits.queued_at.is_not(None),
                waits.status.in_([sa.literal_column("'pending'"), sa.literal_column("'running'")]),
                waits.requester != "" if jobs else waits.requester == "",
                sa.or_(waits.claimed_until.is_(None), waits.claimed_until < now),
            )
            .order_by(sa.func.coalesce(running.c.number, 0), waits.queued_at, waits.id)
            .limit(1)
            .with_for_update(of=waiting, skip_locked=True)
        )
        claimed = await _one(
            connection,
            sa.update(EVALUATIONS)
            .where(_E.id == query.scalar_subquery())
            .values(status=Status.running.value, run=_E.run + 1, tries=_E.tries + 1, claimed_until=until)
            .returning(*COLUMNS),
        )
        if claimed is not None:
            await _reset_steps(connection, claimed.id)
        return claimed

    async def renew(self, connection: AsyncConnection, run: Run, until: datetime) -> bool:
        query = sa.update(EVALUATIONS).where(_is_current(run)).values(claimed_until=until).returning(_E.id)
        return (await connection.execute(query)).first() is not None

    async def record(self, connection: AsyncConnection, run: Run, outcomes: Sequence[StepOutcome]) -> None:
        for outcome in outcomes:
            values = outcome_values(outcome)
            await connection.execute(
                sa.update(STEPS)
                .where(
                    _S.evaluation_id == run.evaluation_id,
                    _S.condition == values.pop("condition"),
                    _S.step == values.pop("step"),
                    _S.status.in_(["pending", "started"]),
                )
                .values(**values)
            )

    async def hand_back(self, connection: AsyncConnection, run: Run) -> None:
        await connection.execute(
            sa.update(EVALUATIONS)
            .where(_is_current(run))
            .values(status=Status.pending.value, tries=_E.tries - 1, claimed_until=None)
        )

    async def end(
        self,
        connection: AsyncConnection,
        run: Run,
        error_message: str,
        duration_seconds: float | None,
        at: datetime,
    ) -> Evaluation | None:
        return await _one(
            connection,
            sa.update(EVALUATIONS)
            .where(_is_current(run))
            .values(
                status=(Status.failed if error_message else Status.completed).value,
                error_message=error_message,
                duration_seconds=duration_seconds,
                completed_at=at,
                claimed_until=None,
            )
            .returning(*COLUMNS),
        )

    async def cancel(self, connection: AsyncConnection, evaluation_id: str, at: datetime) -> Evaluation:
        return await _changed(
            connection, evaluation_id, status=Status.cancelled.value, completed_at=at, claimed_until=None
        )

    async def restart(self, connection: AsyncConnection, evaluation_id: str, at: datetime) -> Evaluation:
        await _reset_steps(connection, evaluation_id)
        return await _changed(
            connection,
            evaluation_id,
            status=Status.pending.value,
            error_message="",
            duration_seconds=None,
            completed_at=None,
            queued_at=at,
            tries=0,
        )

    async def delete(self, connection: AsyncConnection, evaluation_id: str) -> None:
        # The foreign key deletes its steps.
        await connection.execute(sa.delete(EVALUATIONS).where(_E.id == evaluation_id))


def _is_current(run: Run) -> sa.ColumnElement[bool]:
    return sa.and_(_E.id == run.evaluation_id, _E.run == run.number, _E.status == Status.running.value)


async def _one(connection: AsyncConnection, query: Any) -> Evaluation | None:
    row = (await connection.execute(query)).one_or_none()
    return evaluation_from(row) if row else None


async def _changed(connection: AsyncConnection, evaluation_id: str, **values: Any) -> Evaluation:
    query = sa.update(EVALUATIONS).where(_E.id == evaluation_id).values(values).returning(*COLUMNS)
    return evaluation_from((await connection.execute(query)).one())


async def _add_steps(connection: AsyncConnection, evaluation_id: str, outcomes: Sequence[StepOutcome]) -> None:
    rows = [
        {**outcome_values(outcome), "evaluation_id": evaluation_id, "position": position}
        for position, outcome in enumerate(outcomes)
    ]
    await connection.execute(sa.insert(STEPS), rows)


async def _reset_steps(connection: AsyncConnection, evaluation_id: str) -> None:
    values = {"status": "pending", "seconds": 0.0, "reason": "", "backend": "", "result": None}
    await connection.execute(sa.update(STEPS).where(_S.evaluation_id == evaluation_id).values(values))
