"""The queries by which experiments are followed, retried and deleted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Trial
from services.experiments.tables import EXPERIMENTS, TRIAL_COLUMNS, TRIALS, trial_from

_E, _T = EXPERIMENTS.c, TRIALS.c


class LifecycleStore(Protocol):
    """What the use cases ask of the database. Each method works in the connection's transaction, if it has one."""

    async def moved_trials(
        self, connection: AsyncConnection, experiment_id: str, mark: int
    ) -> tuple[Sequence[Trial], int]:
        """Returns the trials that have moved since `mark`, by prompt, model and repeat, and the mark of now.

        All of them for 0. Some that have not moved may be among them.
        """

    async def trial_ids(self, connection: AsyncConnection, experiment_ids: Sequence[str]) -> Sequence[str]:
        """Returns the ids of all trials of experiments."""

    async def delete(self, connection: AsyncConnection, experiment_id: str) -> None:
        """Deletes an experiment and all that belongs to it."""

    async def audio_due(self, connection: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        """Returns experiments whose audio has been kept long enough, locked. Passes over those that others hold."""

    async def forget_audio(self, connection: AsyncConnection, experiment_ids: Sequence[str], at: datetime) -> None:
        """Notes that the audio of experiments is deleted."""


class SqlLifecycleStore:
    """The store over PostgreSQL."""

    async def moved_trials(
        self, connection: AsyncConnection, experiment_id: str, mark: int
    ) -> tuple[Sequence[Trial], int]:
        # What transactions write that are under way now is not seen now; the oldest of them is the mark.
        oldest = sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot())
        now = sa.select(sa.cast(sa.cast(oldest, sa.Text), sa.BigInteger).label("mark")).subquery("now")
        its = sa.and_(_T.experiment_id == experiment_id, _T.moved_in >= mark)
        query = (
            sa.select(now.c.mark, *TRIAL_COLUMNS)
            .select_from(now.outerjoin(TRIALS, its))
            .order_by(_T.prompt_index, _T.model_index, _T.repeat_index)
        )
        rows = (await connection.execute(query)).all()
        return [trial_from(row[1:]) for row in rows if row[1] is not None], rows[0][0]

    async def trial_ids(self, connection: AsyncConnection, experiment_ids: Sequence[str]) -> Sequence[str]:
        query = sa.select(_T.id).where(_T.experiment_id.in_(experiment_ids)).order_by(_T.experiment_id, _T.id)
        return (await connection.execute(query)).scalars().all()

    async def delete(self, connection: AsyncConnection, experiment_id: str) -> None:
        # Whatever refers to it goes with it, by the foreign keys.
        await connection.execute(sa.delete(EXPERIMENTS).where(_E.id == experiment_id))

    async def audio_due(self, connection: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        kept = sa.func.make_interval(0, 0, 0, _E.audio_retention_days, type_=sa.Interval)
        query = (
            sa.select(_E.id)
            .where(_E.ended_at.is_not(None), _E.audio_deleted_at.is_(None), _E.ended_at + kept < now)
            .order_by(_E.ended_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await connection.execute(query)).scalars().all()

    async def forget_audio(self, connection: AsyncConnection, experiment_ids: Sequence[str], at: datetime) -> None:
        await connection.execute(sa.update(EXPERIMENTS).where(_E.id.in_(experiment_ids)).values(audio_deleted_at=at))
        await connection.execute(
            sa.update(TRIALS)
            .where(_T.experiment_id.in_(experiment_ids), _T.audio_name.is_not(None))
            .values(audio_name=None, audio_deleted_at=at)
        )
