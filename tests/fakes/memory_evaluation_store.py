"""The store of evaluations of recordings in memory."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime.request_ids import EarlierRequest
from services.scoring.domain import JobEvaluation, Status
from services.scoring.evaluations.domain import Evaluation
from services.scoring.evaluations.store import ListenedJob, Run
from services.scoring.pipeline.step import StepOutcome, StepStatus
from tests.fakes.memory_database import table


@dataclasses.dataclass(frozen=True)
class Waiting:
    """What is stored besides the evaluation."""

    queued_at: datetime
    claimed_until: datetime | None = None


class MemoryEvaluationStore:
    """Implements `Store` and `RecordingStore` of `services.scoring.evaluations` over a MemoryDatabase."""

    async def count(self, connection: AsyncConnection, developer_id: str) -> tuple[int, int]:
        own = [each for each in _all(connection) if not each.of_job]
        return sum(each.developer_id == developer_id for each in own), sum(not each.ended for each in own)

    async def add(
        self,
        connection: AsyncConnection,
        evaluation: Evaluation,
        outcomes: Sequence[StepOutcome],
        request_id: str,
        fingerprint: bytes | None,
    ) -> bool:
        requests = table(connection, "evaluation_requests")
        if request_id and (evaluation.developer_id, request_id) in requests:
            return False
        if request_id:
            requests[evaluation.developer_id, request_id] = evaluation.id, fingerprint
        table(connection, "evaluations")[evaluation.id] = evaluation
        table(connection, "waiting")[evaluation.id] = Waiting(evaluation.created_at)
        table(connection, "evaluation_steps")[evaluation.id] = tuple(outcomes)
        return True

    async def queue_job(
        self, connection: AsyncConnection, evaluation_id: str, listened: ListenedJob, at: datetime
    ) -> bool:
        found = table(connection, "evaluations").get(evaluation_id)
        if not isinstance(found, JobEvaluation) or found.status is not Status.running:
            return False
        table(connection, "evaluations")[evaluation_id] = dataclasses.replace(
            _of_job(found),
            status=Status.pending,
            **{field.name: getattr(listened, field.name) for field in dataclasses.fields(listened)},
        )
        table(connection, "waiting")[evaluation_id] = Waiting(at)
        steps = tuple(StepOutcome(step, StepStatus.pending) for step in listened.steps)
        table(connection, "evaluation_steps")[evaluation_id] = steps
        return True

    async def count_jobs(self, connection: AsyncConnection) -> int:
        waiting = table(connection, "waiting")
        return sum(each.of_job and each.id in waiting and not each.ended for each in _all(connection))

    async def complete_job(self, connection: AsyncConnection, evaluation_id: str, at: datetime) -> None:
        self._free(connection, evaluation_id)
        _change(connection, evaluation_id, status=Status.completed, completed_at=at)

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[Evaluation] | None:
        requests = table(connection, "evaluation_requests")
        evaluation_id, fingerprint = requests.get((developer_id, request_id), ("", None))
        found = await self.get(connection, evaluation_id)
        return EarlierRequest(found, fingerprint, found.created_at) if found else None

    async def get(self, connection: AsyncConnection, evaluation_id: str) -> Evaluation | None:
        return next((each for each in _all(connection) if each.id == evaluation_id), None)

    async def lock(self, connection: AsyncConnection, evaluation_id: str) -> Evaluation | None:
        return await self.get(connection, evaluation_id)

    async def outcomes(
        self, connection: AsyncConnection, evaluation_id: str, *, results: bool = True
    ) -> Sequence[StepOutcome]:
        found = table(connection, "evaluation_steps").get(evaluation_id, ())
        return [one if results else dataclasses.replace(one, result=None) for one in found]

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
        found = [
            each
            for each in _all(connection)
            if each.developer_id == developer_id
            and model_id in ("", each.model_id)
            and scenario_id in ("", each.scenario_id)
            and status in ("", each.status.value)
            and (after is None or (each.created_at, each.id) < after)
        ]
        return sorted(found, key=lambda each: (each.created_at, each.id), reverse=True)[:limit]

    async def find_audio(self, connection: AsyncConnection, developer_id: str, audio_name: str) -> Evaluation | None:
        found = [
            each for each in _all(connection) if (each.developer_id, each.audio_name) == (developer_id, audio_name)
        ]
        return min(found, key=lambda each: (each.created_at, each.id), default=None)

    async def claim(
        self, connection: AsyncConnection, now: datetime, until: datetime, *, jobs: bool = False
    ) -> Evaluation | None:
        waiting = table(connection, "waiting")
        unended = [each for each in _all(connection) if each.id in waiting and not each.ended and each.of_job is jobs]
        held = {each.id for each in unended if (claimed := waiting[each.id].claimed_until) and claimed >= now}
        running = Counter(each.developer_id for each in unended if each.id in held)
        free = [each for each in unended if each.id not in held]
        if not free:
            return None
        found = min(free, key=lambda each: (running[each.developer_id], waiting[each.id].queued_at, each.id))
        waiting[found.id] = dataclasses.replace(waiting[found.id], claimed_until=until)
        self._reset_steps(connection, found.id)
        return _change(connection, found.id, status=Status.running, run=found.run + 1, tries=found.tries + 1)

    async def renew(self, connection: AsyncConnection, run: Run, until: datetime) -> bool:
        if await self._current(connection, run) is None:
            return False
        waiting = table(connection, "waiting")
        waiting[run.evaluation_id] = dataclasses.replace(waiting[run.evaluation_id], claimed_until=until)
        return True

    async def record(self, connection: AsyncConnection, run: Run, outcomes: Sequence[StepOutcome]) -> None:
        new = {(one.condition, one.step): one for one in outcomes}
        unended = (StepStatus.pending, StepStatus.started)
        steps = table(connection, "evaluation_steps")
        steps[run.evaluation_id] = tuple(
            new.get((one.condition, one.step), one) if one.status in unended else one
            for one in steps.get(run.evaluation_id, ())
        )

    async def hand_back(self, connection: AsyncConnection, run: Run) -> None:
        if (found := await self._current(connection, run)) is not None:
            self._free(connection, found.id)
            _change(connection, found.id, status=Status.pending, tries=found.tries - 1)

    async def end(
        self,
        connection: AsyncConnection,
        run: Run,
        error_message: str,
        duration_seconds: float | None,
        at: datetime,
    ) -> Evaluation | None:
        if await self._current(connection, run) is None:
            return None
        self._free(connection, run.evaluation_id)
        return _change(
            connection,
            run.evaluation_id,
            status=Status.failed if error_message else Status.completed,
            error_message=error_message,
            duration_seconds=duration_seconds,
            completed_at=at,
        )

    async def cancel(self, connection: AsyncConnection, evaluation_id: str, at: datetime) -> Evaluation:
        self._free(connection, evaluation_id)
        return _change(connection, evaluation_id, status=Status.cancelled, completed_at=at)

    async def restart(self, connection: AsyncConnection, evaluation_id: str, at: datetime) -> Evaluation:
        self._reset_steps(connection, evaluation_id)
        table(connection, "waiting")[evaluation_id] = Waiting(at)
        values = {"error_message": "", "duration_seconds": None, "completed_at": None, "tries": 0}
        return _change(connection, evaluation_id, status=Status.pending, **values)

    async def delete(self, connection: AsyncConnection, evaluation_id: str) -> None:
        for name in ("evaluations", "waiting", "evaluation_steps"):
            table(connection, name).pop(evaluation_id, None)

    async def audio_due(self, connection: AsyncConnection, ended_before: datetime, limit: int) -> Sequence[Evaluation]:
        found = [
            (each.completed_at, each)
            for each in _all(connection)
            if each.uploaded
            and each.audio_deleted_at is None
            and each.completed_at
            and each.completed_at < ended_before
        ]
        return [each for _, each in sorted(found, key=lambda one: one[0])][:limit]

    async def forget_audio(self, connection: AsyncConnection, names: Sequence[str], at: datetime) -> None:
        for evaluation in list(table(connection, "evaluations").values()):
            if evaluation.audio_name in names and isinstance(evaluation, Evaluation):
                _change(connection, evaluation.id, audio_deleted_at=at)

    async def expect_unused(self, connection: AsyncConnection, names: Sequence[str], delete_at: datetime) -> None:
        table(connection, "unused_recordings").update(dict.fromkeys(names, delete_at))

    async def use(self, connection: AsyncConnection, name: str) -> bool:
        return table(connection, "unused_recordings").pop(name, None) is not None

    async def unused_due(self, connection: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        due = [(at, name) for name, at in table(connection, "unused_recordings").items() if at <= now]
        return [name for _, name in sorted(due)][:limit]

    async def forget_unused(self, connection: AsyncConnection, names: Sequence[str]) -> None:
        for name in names:
            table(connection, "unused_recordings").pop(name, None)

    async def _current(self, connection: AsyncConnection, run: Run) -> Evaluation | None:
        found = await self.get(connection, run.evaluation_id)
        current = found is not None and (found.run, found.status) == (run.number, Status.running)
        return found if current else None

    @staticmethod
    def _free(connection: AsyncConnection, evaluation_id: str) -> None:
        waiting = table(connection, "waiting")
        waiting[evaluation_id] = dataclasses.replace(waiting[evaluation_id], claimed_until=None)

    @staticmethod
    def _reset_steps(connection: AsyncConnection, evaluation_id: str) -> None:
        steps = table(connection, "evaluation_steps")
        steps[evaluation_id] = tuple(
            StepOutcome(one.step, StepStatus.pending, condition=one.condition) for one in steps[evaluation_id]
        )


def _all(connection: AsyncConnection) -> list[Evaluation]:
    """Returns all evaluations. Those of jobs are kept by MemoryScoringStore in the same table."""
    return [
        _of_job(each) if isinstance(each, JobEvaluation) else each for each in table(connection, "evaluations").values()
    ]


def _of_job(found: JobEvaluation) -> Evaluation:
    names = [field.name for field in dataclasses.fields(found) if field.name != "queued_at"]
    values = {name: getattr(found, name) for name in names}
    return Evaluation(**values)


def _change(connection: AsyncConnection, evaluation_id: str, **values: Any) -> Evaluation:
    evaluations = table(connection, "evaluations")
    changed: Evaluation = dataclasses.replace(evaluations[evaluation_id], **values)
    evaluations[evaluation_id] = changed
    return changed
