"""The queries by which a clip takes a step.

Each step needs as few statements as its locks allow, because most queries of a service with clips are these.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import inbox
from services.runtime.statements import Statement
from services.shared.clips.domain import Clip, ClipStatus, Failure, HeardSpeech, SpokenText
from services.shared.clips.table import ClipTable, clip_columns, clip_from
from services.shared.metrics import METRICS, Measurements

_UNMEASURED = {**dict.fromkeys(metric.name for metric in METRICS), "heard_speech": sa.null()}
PENDING, SYNTHESIZING, SCORING = ClipStatus.PENDING, ClipStatus.SYNTHESIZING, ClipStatus.SCORING


@dataclass(frozen=True, slots=True)
class LockedRun:
    """The run of a clip, locked until the transaction ends. Changes of an unfinished clip need this lock."""

    run_id: str
    developer_id: str
    running: bool
    traceparent: str = ""
    listen: bool = False
    """Whether models listen to its clips."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of a step."""

    provider: str
    last: bool
    """Whether it has ended the last unfinished clip of the run."""


class ClipStore(Protocol):
    """The storage of the steps of clips. Each method runs in the transaction of `connection`.

    A step returns None and changes nothing if the clip is not in the status before this step, or if `attempt` is not
    the number of its latest request.
    """

    async def lock_run(self, connection: AsyncConnection, clip_id: str) -> LockedRun | None:
        """Locks and returns the run of a clip, None if the clip does not exist."""

    async def lock_run_for_event(
        self, connection: AsyncConnection, clip_id: str, *, consumer: str, event_id: str
    ) -> tuple[LockedRun | None, bool]:
        """Locks the run of a clip and records an event as processed. The bool is False if it was recorded before."""

    async def synthesized(
        self,
        connection: AsyncConnection,
        clip_id: str,
        attempt: int,
        measured: Measurements,
        *,
        audio_name: str,
        provider_requests: int,
        at: datetime,
    ) -> StepResult | None:
        """Stores the audio of a clip, and that its evaluation was requested."""

    async def spoken_text(self, connection: AsyncConnection, clip_id: str) -> SpokenText:
        """Returns what a clip says."""

    async def delayed(
        self, connection: AsyncConnection, clip_id: str, attempt: int, until: datetime
    ) -> StepResult | None:
        """Stores that the timeout of a request for speech starts at a later time."""

    async def evaluated(
        self,
        connection: AsyncConnection,
        clip_id: str,
        attempt: int,
        measured: Measurements,
        heard: HeardSpeech | None = None,
        *,
        at: datetime,
    ) -> StepResult | None:
        """Completes a clip. `heard` is None if nothing listened to it."""

    async def failed(
        self, connection: AsyncConnection, clip_id: str, attempt: int | None, failure: Failure, *, at: datetime
    ) -> StepResult | None:
        """Fails a clip. If `attempt` is None, it does not matter which request the clip waits for."""

    async def requested_again(self, connection: AsyncConnection, clip: Clip, at: datetime) -> StepResult | None:
        """Adds 1 to the attempts of a clip, unless it has changed since it was read."""

    async def stale(self, connection: AsyncConnection, now: datetime, timeout: timedelta, limit: int) -> Sequence[Clip]:
        """Returns clips whose latest request has timed out, the oldest request first.

        `timeout` applies to the first attempt since the last retry, and doubles with each further attempt. Clips of
        stopped runs, and of runs in which a clip has moved within `timeout`, are left out.
        """

    async def cancel(self, connection: AsyncConnection, run_id: str, at: datetime) -> Sequence[Clip]:
        """Cancels the unfinished clips of a run. Returns those whose evaluation was requested."""

    async def retry(self, connection: AsyncConnection, run_id: str, at: datetime) -> Sequence[Clip]:
        """Restarts the failed clips of a run, and returns them in their new state, in the order of the run.

        A clip with audio is SCORING, with one more attempt. Any other clip is PENDING and loses its measurements.
        """


class SqlClipStore:
    """The store over the tables of one user in PostgreSQL."""

    def __init__(self, table: ClipTable) -> None:
        self._table = table
        self._lock_run = Statement(_locking_run(table))
        self._lock_run_for_event = Statement(_locking_run_for_event(table))
        self._step_statements: dict[tuple[tuple[str, ...], bool], Statement] = {}

    async def lock_run(self, connection: AsyncConnection, clip_id: str) -> LockedRun | None:
        row = (await self._lock_run.execute(connection, locked_clip=clip_id)).one_or_none()
        return _run_from(row) if row else None

    async def lock_run_for_event(
        self, connection: AsyncConnection, clip_id: str, *, consumer: str, event_id: str
    ) -> tuple[LockedRun | None, bool]:
        values = {"locked_clip": clip_id, "consumer": consumer, "event_id": event_id}
        row = (await self._lock_run_for_event.execute(connection, **values)).one()
        return _run_from(row) if row.run_id else None, bool(row.first)

    async def synthesized(
        self,
        connection: AsyncConnection,
        clip_id: str,
        attempt: int,
        measured: Measurements,
        *,
        audio_name: str,
        provider_requests: int,
        at: datetime,
    ) -> StepResult | None:
        values = {
            **_known(measured),
            "audio_name": audio_name,
            "provider_requests": provider_requests,
            "attempts": 1,
            "attempts_before": 0,
            "requested_at": at,
        }
        return await self._move(connection, clip_id, SYNTHESIZING, attempt, SCORING, values)

    async def spoken_text(self, connection: AsyncConnection, clip_id: str) -> SpokenText:
        rows = self._table.rows.c
        language = sa.func.coalesce(rows.language, rows.spoken_language)
        query = sa.select(self._table.text, language).where(rows.id == clip_id)
        return SpokenText(*(await connection.execute(query)).one())

    async def delayed(
        self, connection: AsyncConnection, clip_id: str, attempt: int, until: datetime
    ) -> StepResult | None:
        return await self._move(connection, clip_id, SYNTHESIZING, attempt, SYNTHESIZING, {"requested_at": until})

    async def evaluated(
        self,
        connection: AsyncConnection,
        clip_id: str,
        attempt: int,
        measured: Measurements,
        heard: HeardSpeech | None = None,
        *,
        at: datetime,
    ) -> StepResult | None:
        values = {**_known(measured), "ended_at": at}
        if heard is not None:
            # `Statement` converts nothing, so this is JSON already.
            values["heard_speech"] = json.dumps(dataclasses.asdict(heard))
        return await self._move(connection, clip_id, SCORING, attempt, ClipStatus.COMPLETED, values)

    async def failed(
        self, connection: AsyncConnection, clip_id: str, attempt: int | None, failure: Failure, *, at: datetime
    ) -> StepResult | None:
        values = {"error_kind": failure.kind, "error_message": failure.message, "ended_at": at}
        if failure.provider_requests is not None:
            values["provider_requests"] = failure.provider_requests
        return await self._move(connection, clip_id, failure.during, attempt, ClipStatus.FAILED, values)

    async def requested_again(self, connection: AsyncConnection, clip: Clip, at: datetime) -> StepResult | None:
        values = {"attempts": clip.attempts + 1, "requested_at": at}
        return await self._move(connection, clip.id, clip.status, clip.attempts, clip.status, values)

    async def _move(
        self,
        connection: AsyncConnection,
        clip_id: str,
        during: ClipStatus,
        attempt: int | None,
        status: ClipStatus,
        values: Mapping[str, Any],
    ) -> StepResult | None:
        new = {**values, "status": status.value}
        # There are only a few different statements: one for each step and set of measurements.
        key = tuple(sorted(new)), attempt is not None
        statement = self._step_statements.get(key)
        if statement is None:
            statement = self._step_statements[key] = Statement(_step_statement(self._table, *key))
        row = (
            await statement.execute(
                connection,
                moved_clip=clip_id,
                during=during.value,
                **({} if attempt is None else {"attempt": attempt}),
                **{f"new_{name}": value for name, value in new.items()},
            )
        ).one_or_none()
        return StepResult(row.provider, row.last) if row else None

    async def stale(self, connection: AsyncConnection, now: datetime, timeout: timedelta, limit: int) -> Sequence[Clip]:
        rows = self._table.rows.c
        before = sa.cast(rows.attempts - rows.attempts_before - 1, sa.Double)
        seconds = timeout.total_seconds() * sa.func.power(2.0, before)
        waited = sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=sa.Interval)
        query = (
            sa.select(*clip_columns(self._table))
            .where(
                self._table.run == self._table.run_id,
                rows.status.in_((SYNTHESIZING, SCORING)),
                rows.requested_at < sa.literal(now) - waited,
                self._table.running,
                self._table.progressed_at < now - timeout,
            )
            .order_by(rows.requested_at)
            .limit(limit)
        )
        return [clip_from(row) for row in await connection.execute(query)]

    async def cancel(self, connection: AsyncConnection, run_id: str, at: datetime) -> Sequence[Clip]:
        cancelled = await connection.execute(
            sa.update(self._table.rows)
            .where(
                self._table.run == run_id,
                self._table.run == self._table.run_id,
                self._table.rows.c.ended_at.is_(None),
            )
            .values(status=ClipStatus.CANCELLED, ended_at=at)
            .returning(*clip_columns(self._table))
        )
        # Of the unfinished clips, those that are evaluated have audio.
        return [clip for clip in map(clip_from, cancelled) if clip.audio_name is not None]

    async def retry(self, connection: AsyncConnection, run_id: str, at: datetime) -> Sequence[Clip]:
        rows = self._table.rows.c
        reset = {
            "attempts_before": rows.attempts,
            "requested_at": at,
            "error_kind": "",
            "error_message": "",
            "ended_at": None,
        }
        failed = sa.update(self._table.rows).where(
            self._table.run == run_id, self._table.run == self._table.run_id, rows.status == ClipStatus.FAILED
        )
        with_audio = failed.where(rows.audio_name.is_not(None)).values(
            status=SCORING, attempts=rows.attempts + 1, **reset
        )
        without_audio = failed.where(rows.audio_name.is_(None)).values(
            status=PENDING, audio_deleted_at=None, **reset, **_UNMEASURED
        )
        returned = (*clip_columns(self._table), self._table.order)
        found = [
            row for each in (with_audio, without_audio) for row in await connection.execute(each.returning(*returned))
        ]
        return [clip_from(row[:-1]) for row in sorted(found, key=lambda row: row[-1])]


def _known(measured: Measurements) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(measured).items() if value is not None}


def _run_from(row: Any) -> LockedRun:
    return LockedRun(row.run_id, row.developer_id, row.running, row.traceparent, row.listen)


def _locking_run(table: ClipTable) -> "sa.Select[Any]":
    clip_id = sa.bindparam("locked_clip", type_=sa.Text)
    run_id = sa.select(table.run).where(table.rows.c.id == clip_id).correlate(None).scalar_subquery()
    of_run = {name: getattr(table, name).label(name) for name in LockedRun.__dataclass_fields__}
    return sa.select(*of_run.values()).where(table.run_id == run_id).with_for_update()


def _locking_run_for_event(table: ClipTable) -> "sa.Select[Any]":
    recorded = inbox.recording(sa.bindparam("consumer", type_=sa.Text), sa.bindparam("event_id", type_=sa.Text))
    # A separate CTE: PostgreSQL may evaluate a row again after waiting for its lock, and must not record the event
    # again then.
    held = _locking_run(table).cte("held")
    first = sa.select(sa.func.count()).select_from(recorded.cte("recorded")).scalar_subquery()
    always = sa.select(sa.literal(1).label("one")).subquery("always")
    return sa.select(held, first.label("first")).select_from(always.outerjoin(held, sa.true()))


def _step_statement(table: ClipTable, columns: Sequence[str], for_attempt: bool) -> "sa.Select[Any]":
    """Returns the statement that writes these columns of a clip and counts the step."""
    rows = table.rows.c
    step = [rows.id == sa.bindparam("moved_clip"), rows.status == sa.bindparam("during")]
    if for_attempt:
        step.append(rows.attempts == sa.bindparam("attempt"))
    moved = (
        sa.update(table.rows)
        .where(*step)
        .values({name: sa.bindparam(f"new_{name}", type_=rows[name].type) for name in columns})
        .returning(rows.id, table.run.label("run_id"), rows.provider, rows.status)
    )
    return table.counted(moved.cte("moved"))
