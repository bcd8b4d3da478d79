"""The queries by which a clip takes a step, each in as few statements as its locks allow: most of what a user of clips
does is this."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.runtime import inbox
from services.runtime.statements import Statement
from services.shared.clips.domain import Clip, ClipStatus, Failure
from services.shared.clips.table import ClipTable, clip_columns, clip_from
from services.shared.metrics import METRICS, Measurements

_UNMEASURED = dict.fromkeys(metric.name for metric in METRICS)
PENDING, SYNTHESIZING, SCORING = ClipStatus.PENDING, ClipStatus.SYNTHESIZING, ClipStatus.SCORING


@dataclass(frozen=True, slots=True)
class Held:
    """A clip's run, locked until the transaction ends. Who changes a clip in flight holds this lock."""

    run_id: str
    developer_id: str
    running: bool
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a step has led to."""

    provider: str
    last: bool
    """Whether every clip of the run has ended with it."""


class ClipStore(Protocol):
    """What the progress of clips asks of the database, in the connection's transaction.

    A step returns None if the clip is not where the step begins, or waits for another request than `attempt`.
    """

    async def hold(self, connection: AsyncConnection, clip_id: str) -> Held | None:
        """Locks a clip's run; None if there is no such clip."""

    async def hold_for(
        self, connection: AsyncConnection, clip_id: str, *, consumer: str, event_id: str
    ) -> tuple[Held | None, bool]:
        """Does so for an event, which it records as processed; the second is False if it was recorded before."""

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
    ) -> Moved | None:
        """Notes a clip's audio, and that its evaluation was asked for."""

    async def delayed(self, connection: AsyncConnection, clip_id: str, attempt: int, until: datetime) -> Moved | None:
        """Notes that a request for speech begins to count at a later time."""

    async def evaluated(
        self, connection: AsyncConnection, clip_id: str, attempt: int, measured: Measurements, *, at: datetime
    ) -> Moved | None:
        """Completes a clip."""

    async def failed(
        self, connection: AsyncConnection, clip_id: str, attempt: int | None, failure: Failure, *, at: datetime
    ) -> Moved | None:
        """Fails a clip, whichever request it waits for if `attempt` is None."""

    async def requested_again(self, connection: AsyncConnection, clip: Clip, at: datetime) -> Moved | None:
        """Counts one more request for the step that a clip is at, unless it has moved since it was read."""

    async def stale(
        self, connection: AsyncConnection, now: datetime, patience: timedelta, limit: int
    ) -> Sequence[Clip]:
        """Returns clips in flight that were asked for longer ago than `patience` doubled with each attempt of their
        present turn, in running runs in which nothing has moved for `patience`."""

    async def cancel(self, connection: AsyncConnection, run_id: str, at: datetime) -> None:
        """Cancels the clips of a run that have not ended."""

    async def retry(self, connection: AsyncConnection, run_id: str, at: datetime) -> Sequence[Clip]:
        """Takes a run's failed clips back, and returns them as they are then.

        One that has audio is scoring, with an attempt more than before; any other is pending, without measurements.
        """


class SqlClipStore:
    """The store over the tables of one user in PostgreSQL."""

    def __init__(self, table: ClipTable) -> None:
        self._table = table
        self._hold = Statement(_held(table))
        self._hold_for = Statement(_held_for(table))
        self._moving: dict[tuple[tuple[str, ...], bool], Statement] = {}

    async def hold(self, connection: AsyncConnection, clip_id: str) -> Held | None:
        row = (await self._hold.execute(connection, held_clip=clip_id)).one_or_none()
        return _held_from(row) if row else None

    async def hold_for(
        self, connection: AsyncConnection, clip_id: str, *, consumer: str, event_id: str
    ) -> tuple[Held | None, bool]:
        values = {"held_clip": clip_id, "consumer": consumer, "event_id": event_id}
        row = (await self._hold_for.execute(connection, **values)).one()
        return _held_from(row) if row.run_id else None, bool(row.first)

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
    ) -> Moved | None:
        values = {
            **_known(measured),
            "audio_name": audio_name,
            "provider_requests": provider_requests,
            "attempts": 1,
            "attempts_before": 0,
            "requested_at": at,
        }
        return await self._move(connection, clip_id, SYNTHESIZING, attempt, SCORING, values)

    async def delayed(self, connection: AsyncConnection, clip_id: str, attempt: int, until: datetime) -> Moved | None:
        return await self._move(connection, clip_id, SYNTHESIZING, attempt, SYNTHESIZING, {"requested_at": until})

    async def evaluated(
        self, connection: AsyncConnection, clip_id: str, attempt: int, measured: Measurements, *, at: datetime
    ) -> Moved | None:
        values = {**_known(measured), "ended_at": at}
        return await self._move(connection, clip_id, SCORING, attempt, ClipStatus.COMPLETED, values)

    async def failed(
        self, connection: AsyncConnection, clip_id: str, attempt: int | None, failure: Failure, *, at: datetime
    ) -> Moved | None:
        values = {"error_kind": failure.kind, "error_message": failure.message, "ended_at": at}
        if failure.provider_requests is not None:
            values["provider_requests"] = failure.provider_requests
        return await self._move(connection, clip_id, failure.during, attempt, ClipStatus.FAILED, values)

    async def requested_again(self, connection: AsyncConnection, clip: Clip, at: datetime) -> Moved | None:
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
    ) -> Moved | None:
        new = {**values, "status": status.value}
        # A few statements in all, one for each kind of step and set of measurements.
        key = tuple(sorted(new)), attempt is not None
        statement = self._moving.get(key)
        if statement is None:
            statement = self._moving[key] = Statement(_moved(self._table, *key))
        row = (
            await statement.execute(
                connection,
                moved_clip=clip_id,
                during=during.value,
                **({} if attempt is None else {"attempt": attempt}),
                **{f"new_{name}": value for name, value in new.items()},
            )
        ).one_or_none()
        return Moved(row.provider, row.last) if row else None

    async def stale(
        self, connection: AsyncConnection, now: datetime, patience: timedelta, limit: int
    ) -> Sequence[Clip]:
        rows = self._table.rows.c
        before = sa.cast(rows.attempts - rows.attempts_before - 1, sa.Double)
        seconds = patience.total_seconds() * sa.func.power(2.0, before)
        waited = sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=sa.Interval)
        query = (
            sa.select(*clip_columns(self._table))
            .where(
                self._table.run == self._table.run_id,
                rows.status.in_((SYNTHESIZING, SCORING)),
                rows.requested_at < sa.literal(now) - waited,
                self._table.running,
                self._table.progressed_at < now - patience,
            )
            .order_by(rows.requested_at)
            .limit(limit)
        )
        return [clip_from(row) for row in await connection.execute(query)]

    async def cancel(self, connection: AsyncConnection, run_id: str, at: datetime) -> None:
        await connection.execute(
            sa.update(self._table.rows)
            .where(self._table.run == run_id, self._table.rows.c.ended_at.is_(None))
            .values(status=ClipStatus.CANCELLED, ended_at=at)
        )

    async def retry(self, connection: AsyncConnection, run_id: str, at: datetime) -> Sequence[Clip]:
        rows = self._table.rows.c
        anew = {
            "attempts_before": rows.attempts,
            "requested_at": at,
            "error_kind": "",
            "error_message": "",
            "ended_at": None,
        }
        failed = sa.update(self._table.rows).where(
            self._table.run == run_id, self._table.run == self._table.run_id, rows.status == ClipStatus.FAILED
        )
        heard = failed.where(rows.audio_name.is_not(None)).values(status=SCORING, attempts=rows.attempts + 1, **anew)
        unheard = failed.where(rows.audio_name.is_(None)).values(
            status=PENDING, audio_deleted_at=None, **anew, **_UNMEASURED
        )
        returned = (*clip_columns(self._table), self._table.order)
        found = [row for each in (heard, unheard) for row in await connection.execute(each.returning(*returned))]
        return [clip_from(row[:-1]) for row in sorted(found, key=lambda row: row[-1])]


def _known(measured: Measurements) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(measured).items() if value is not None}


def _held_from(row: Any) -> Held:
    return Held(row.run_id, row.developer_id, row.running, row.traceparent)


def _held(table: ClipTable) -> "sa.Select[Any]":
    clip_id = sa.bindparam("held_clip", type_=sa.Text)
    its = sa.select(table.run).where(table.rows.c.id == clip_id).correlate(None).scalar_subquery()
    of_run = {name: getattr(table, name).label(name) for name in Held.__dataclass_fields__}
    return sa.select(*of_run.values()).where(table.run_id == its).with_for_update()


def _held_for(table: ClipTable) -> "sa.Select[Any]":
    recorded = inbox.recording(sa.bindparam("consumer", type_=sa.Text), sa.bindparam("event_id", type_=sa.Text))
    # In a part of its own: PostgreSQL may look at a row that it has waited for a second time, and must not record the
    # event a second time then.
    held = _held(table).cte("held")
    first = sa.select(sa.func.count()).select_from(recorded.cte("recorded")).scalar_subquery()
    always = sa.select(sa.literal(1).label("one")).subquery("always")
    return sa.select(held, first.label("first")).select_from(always.outerjoin(held, sa.true()))


def _moved(table: ClipTable, columns: Sequence[str], for_attempt: bool) -> "sa.Select[Any]":
    """Returns the statement that writes these columns of a clip."""
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
