"""The queries for watching and deleting experiments and for deleting their audio."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Trial
from services.experiments.tables import EXPERIMENTS, TRIAL_COLUMNS, TRIALS, trial_from

_E, _T = EXPERIMENTS.c, TRIALS.c


class LifecycleStore(Protocol):
    """The queries that the use cases need. Each method runs in the connection's transaction, if it has one."""

    async def moved_trials(
        self, connection: AsyncConnection, experiment_id: str, mark: int
    ) -> tuple[Sequence[Trial], int]:
        """Returns the trials that changed since `mark`, and the new mark to pass next time.

        A mark of 0 returns all trials. Some returned trials may be unchanged. They are sorted by prompt, model, repeat.
        """

    async def trial_ids(self, connection: AsyncConnection, experiment_ids: Sequence[str]) -> Sequence[str]:
        """Returns the ids of all trials of experiments."""

    async def delete(self, connection: AsyncConnection, experiment_id: str) -> None:
        """Deletes an experiment and everything that belongs to it."""

    async def audio_due(self, connection: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        """Returns and locks experiments whose audio is past its retention. Skips those that others have locked."""

    async def forget_audio(self, connection: AsyncConnection, experiment_ids: Sequence[str], at: datetime) -> None:
        """Records that the audio of experiments was deleted."""


class SqlLifecycleStore:
    """Implements LifecycleStore over PostgreSQL."""

    async def moved_trials(
        self, connection: AsyncConnection, experiment_id: str, mark: int
    ) -> tuple[Sequence[Trial], int]:
        # Rows of open transactions are not visible yet. The mark is the id of the oldest open transaction.
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
        # The foreign keys delete the rows that refer to it.
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
