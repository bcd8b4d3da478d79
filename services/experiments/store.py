"""The queries for experiments, trials and results."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Experiment, ExperimentStatus, ModelSpec, Trial
from services.experiments.tables import (
    EXPERIMENT_COLUMNS,
    EXPERIMENTS,
    TRIAL_COLUMNS,
    TRIALS,
    experiment_from,
    experiment_values,
    trial_from,
    trial_values,
)
from services.runtime.hot_reads import HotConnection, hot_query
from services.runtime.request_ids import EarlierRequest

_E, _T = EXPERIMENTS.c, TRIALS.c
_TRIAL_KEY = (_T.prompt_index, _T.model_index, _T.repeat_index)
# One statement for any number of ids, so PostgreSQL prepares it once.
_GET_MANY = hot_query(
    sa.select(*EXPERIMENT_COLUMNS).where(_E.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text))))
)

# PostgreSQL uses the partial index only if the condition has the same words.
_UNFINISHED = sa.text("experiments.status IN ('created', 'running')")
_LOCK_COUNT = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")

ExperimentKey = tuple[str, str]
"""The id of a developer and the id of one of their experiments."""


class Store(Protocol):
    """Stores experiments, trials and results. Each method runs in the connection's transaction, if it has one."""

    async def add(
        self, connection: AsyncConnection, experiment: Experiment, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        """Adds an experiment. Returns False if the developer has made this request before."""

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[Experiment] | None:
        """Returns the experiment that an earlier request with this id created."""

    async def get(self, connection: AsyncConnection, developer_id: str, experiment_id: str) -> Experiment | None:
        """Returns an experiment of the developer."""

    async def get_many(
        self, connection: HotConnection, owned: Collection[ExperimentKey]
    ) -> Mapping[ExperimentKey, Experiment]:
        """Returns the experiments that exist."""

    async def lock(self, connection: AsyncConnection, experiment_id: str) -> Experiment | None:
        """Returns an experiment, locked until the transaction ends."""

    async def page(
        self,
        connection: AsyncConnection,
        developer_id: str,
        *,
        status: str,
        scenario: str,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> Sequence[Experiment]:
        """Returns a developer's experiments, newest first. An empty filter matches all."""

    # Each of the following methods is one statement and returns the changed experiment.

    async def start(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        models: Sequence[ModelSpec],
        traceparent: str,
        at: datetime,
    ) -> Experiment:
        """Starts a created experiment with these models."""

    async def open_listening(
        self, connection: AsyncConnection, experiment_id: str, *, received: int, needed: int, until: datetime | None
    ) -> Experiment:
        """Stores the received and needed votes and the end of listening, None if no more votes are needed."""

    async def count_votes(self, connection: AsyncConnection, experiment_id: str, received: int) -> Experiment:
        """Stores the number of received votes."""

    async def complete(
        self, connection: AsyncConnection, experiment_id: str, results: Mapping[str, Any], at: datetime
    ) -> Experiment:
        """Completes an experiment with its results."""

    async def fail(self, connection: AsyncConnection, experiment_id: str, message: str, at: datetime) -> Experiment:
        """Fails an experiment with an error message."""

    async def cancel(self, connection: AsyncConnection, experiment_id: str, at: datetime) -> Experiment:
        """Cancels an experiment. `ClipStore.cancel` cancels its trials."""

    async def reopen(
        self, connection: AsyncConnection, experiment_id: str, traceparent: str, at: datetime
    ) -> Experiment:
        """Runs a completed experiment again. Removes its results and resets the number of failed trials."""

    async def count_running(self, connection: AsyncConnection, developer_id: str) -> int:
        """Returns the number of a developer's running experiments, without those that only wait for listeners.

        Another transaction that counts the same developer's running experiments waits until this one ends.
        """

    async def count_unfinished(self, connection: AsyncConnection, developer_id: str) -> int:
        """Returns the number of a developer's experiments that have not ended.

        Another transaction that counts the same developer's unfinished experiments waits until this one ends.
        """

    async def results(self, connection: AsyncConnection, experiment_id: str) -> dict[str, Any] | None:
        """Returns the stored results, None before the experiment is completed."""

    async def add_trials(self, connection: AsyncConnection, trials: Sequence[Trial], requested_at: datetime) -> None:
        """Adds trials."""

    async def trials(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        *,
        after: tuple[int, int, int] | None = None,
        limit: int | None = None,
    ) -> Sequence[Trial]:
        """Returns an experiment's trials in the order of (prompt_index, model_index, repeat_index)."""


class SqlStore:
    """The store in PostgreSQL."""

    async def add(
        self, connection: AsyncConnection, experiment: Experiment, request_id: str, fingerprint: bytes | None = None
    ) -> bool:
        result = await connection.execute(
            insert(EXPERIMENTS)
            .values(
                **experiment_values(experiment),
                request_id=request_id or None,
                request_fingerprint=fingerprint if request_id else None,
            )
            .on_conflict_do_nothing(constraint="experiments_request")
            .returning(_E.id)
        )
        return result.first() is not None

    async def find_request(
        self, connection: AsyncConnection, developer_id: str, request_id: str
    ) -> EarlierRequest[Experiment] | None:
        query = sa.select(*EXPERIMENT_COLUMNS, _E.request_fingerprint)
        query = query.where(_E.developer_id == developer_id, _E.request_id == request_id)
        row = (await connection.execute(query)).one_or_none()
        return EarlierRequest(experiment_from(row[:-1]), row[-1], row.created_at) if row else None

    async def get(self, connection: AsyncConnection, developer_id: str, experiment_id: str) -> Experiment | None:
        query = sa.select(*EXPERIMENT_COLUMNS).where(_E.id == experiment_id, _E.developer_id == developer_id)
        row = (await connection.execute(query)).one_or_none()
        return experiment_from(row) if row else None

    async def get_many(
        self, connection: HotConnection, owned: Collection[ExperimentKey]
    ) -> Mapping[ExperimentKey, Experiment]:
        rows = await connection.rows(_GET_MANY, {"ids": [experiment_id for _, experiment_id in owned]})
        found = {(e.developer_id, e.id): e for e in map(experiment_from, rows)}
        return {key: found[key] for key in owned if key in found}

    async def lock(self, connection: AsyncConnection, experiment_id: str) -> Experiment | None:
        query = sa.select(*EXPERIMENT_COLUMNS).where(_E.id == experiment_id).with_for_update()
        row = (await connection.execute(query)).one_or_none()
        return experiment_from(row) if row else None

    async def page(
        self,
        connection: AsyncConnection,
        developer_id: str,
        *,
        status: str,
        scenario: str,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> Sequence[Experiment]:
        query = sa.select(*EXPERIMENT_COLUMNS).where(_E.developer_id == developer_id)
        if status:
            query = query.where(_E.status == status)
        if scenario:
            query = query.where(_E.scenario == scenario)
        if after is not None:
            query = query.where(sa.tuple_(_E.created_at, _E.id) < sa.tuple_(*after))
        query = query.order_by(_E.created_at.desc(), _E.id.desc()).limit(limit)
        return [experiment_from(row) for row in await connection.execute(query)]

    async def start(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        models: Sequence[ModelSpec],
        traceparent: str,
        at: datetime,
    ) -> Experiment:
        stored = [dataclasses.asdict(model) for model in models]
        values = {"models": stored, "traceparent": traceparent, "started_at": at, "progressed_at": at}
        return await _changed(connection, experiment_id, status=ExperimentStatus.RUNNING, **values)

    async def open_listening(
        self, connection: AsyncConnection, experiment_id: str, *, received: int, needed: int, until: datetime | None
    ) -> Experiment:
        votes = {"votes_received": received, "votes_needed": needed}
        return await _changed(connection, experiment_id, **votes, listening_until=until)

    async def count_votes(self, connection: AsyncConnection, experiment_id: str, received: int) -> Experiment:
        return await _changed(connection, experiment_id, votes_received=received)

    async def complete(
        self, connection: AsyncConnection, experiment_id: str, results: Mapping[str, Any], at: datetime
    ) -> Experiment:
        return await _changed(
            connection, experiment_id, status=ExperimentStatus.COMPLETED, results=results, ended_at=at
        )

    async def fail(self, connection: AsyncConnection, experiment_id: str, message: str, at: datetime) -> Experiment:
        return await _changed(
            connection, experiment_id, status=ExperimentStatus.FAILED, error_message=message, ended_at=at
        )

    async def cancel(self, connection: AsyncConnection, experiment_id: str, at: datetime) -> Experiment:
        return await _changed(connection, experiment_id, status=ExperimentStatus.CANCELLED, ended_at=at)

    async def reopen(
        self, connection: AsyncConnection, experiment_id: str, traceparent: str, at: datetime
    ) -> Experiment:
        return await _changed(
            connection,
            experiment_id,
            status=ExperimentStatus.RUNNING,
            traceparent=traceparent,
            failed_trials=0,
            results=sa.null(),
            listening_until=None,
            votes_needed=0,
            audio_deleted_at=None,
            progressed_at=at,
            ended_at=None,
        )

    async def count_running(self, connection: AsyncConnection, developer_id: str) -> int:
        # The lock needs its own statement, so that the next statement sees the state after the lock.
        await connection.execute(_LOCK_COUNT, {"name": f"voicearena running {developer_id}"})
        query = sa.select(sa.func.count()).where(
            _E.developer_id == developer_id,
            _E.status == sa.literal_column(f"'{ExperimentStatus.RUNNING}'"),
            _E.listening_until.is_(None),
        )
        return int((await connection.execute(query)).scalar_one())

    async def count_unfinished(self, connection: AsyncConnection, developer_id: str) -> int:
        await connection.execute(_LOCK_COUNT, {"name": f"voicearena unfinished {developer_id}"})
        query = sa.select(sa.func.count()).where(_E.developer_id == developer_id, _UNFINISHED)
        return int((await connection.execute(query)).scalar_one())

    async def results(self, connection: AsyncConnection, experiment_id: str) -> dict[str, Any] | None:
        query = sa.select(_E.results).where(_E.id == experiment_id)
        results: dict[str, Any] | None = (await connection.execute(query)).scalar_one()
        return results

    async def add_trials(self, connection: AsyncConnection, trials: Sequence[Trial], requested_at: datetime) -> None:
        rows = [{**trial_values(trial), "requested_at": requested_at} for trial in trials]
        await connection.execute(sa.insert(TRIALS), rows)

    async def trials(
        self,
        connection: AsyncConnection,
        experiment_id: str,
        *,
        after: tuple[int, int, int] | None = None,
        limit: int | None = None,
    ) -> Sequence[Trial]:
        query = sa.select(*TRIAL_COLUMNS).where(_T.experiment_id == experiment_id)
        if after is not None:
            query = query.where(sa.tuple_(*_TRIAL_KEY) > sa.tuple_(*after))
        query = query.order_by(*_TRIAL_KEY).limit(limit)
        return [trial_from(row) for row in await connection.execute(query)]


async def _changed(connection: AsyncConnection, experiment_id: str, **values: Any) -> Experiment:
    statement = sa.update(EXPERIMENTS).where(_E.id == experiment_id).values(values).returning(*EXPERIMENT_COLUMNS)
    return experiment_from((await connection.execute(statement)).one())
