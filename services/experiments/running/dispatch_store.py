"""The queries by which trials get their turn at a provider."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments.domain import Trial, TrialStatus
from services.experiments.tables import CHANGED, EXPERIMENTS, PROVIDERS, TRIAL_COLUMNS, TRIALS, trial_from
from services.runtime.hot_reads import HotConnection, hot_query
from services.runtime.statements import Statement

_E, _T, _P = EXPERIMENTS.c, TRIALS.c, PROVIDERS.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What is known of a provider. `local` means that speech is made on the machine of tts."""

    id: str
    max_concurrency: int
    local: bool


@dataclass(frozen=True, slots=True)
class Released:
    """A trial that is to be asked for now, with what the request needs of its experiment."""

    trial: Trial
    developer_id: str
    traceparent: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The trials of a provider that are at a status, pending or in flight."""

    provider: str
    status: TrialStatus
    trials: int
    since: datetime
    """When the first of them was asked for or, while it is pending, began to wait."""


class DispatchStore(Protocol):
    """What the dispatcher asks of the database."""

    async def learn(self, connection: AsyncConnection, provider: Provider, at: datetime) -> bool:
        """Notes what a provider was at a time, unless something later is known; returns whether anything is different
        now."""

    async def waited_for(self, connection: HotConnection, providers: Collection[str]) -> Collection[str]:
        """Returns those of the providers that trials wait for."""

    async def unfinished(self, connection: AsyncConnection) -> Sequence[Unfinished]:
        """Returns what has not ended, by provider and status."""

    async def release(
        self,
        connection: AsyncConnection,
        provider: str,
        at: datetime,
        *,
        unknown_concurrency: int,
        local_lookahead: int,
    ) -> Sequence[Released]:
        """Makes pending trials synthesizing, as many as the provider has free slots, and wakes who watches them.

        An experiment that has fewer trials at the provider comes first, of two with as many the one whose last turn is
        longest ago; within an experiment `position` decides. Releases of one provider follow one another. Trials that
        somebody else holds are passed over, so that no lock is waited for but that of the provider.
        """


_LOCK = Statement(
    sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("name", type_=sa.Text), 0)))
)
_ASKED = sa.func.unnest(sa.bindparam("providers", type_=sa.ARRAY(sa.Text))).column_valued("asked")
_WAITED_FOR = hot_query(
    sa.select(_ASKED).where(sa.exists().where(_T.provider == _ASKED, _T.status == sa.literal_column("'pending'")))
)
# Two parts, since each has an index of its own.
_UNFINISHED = sa.text(
    """
    SELECT provider, status, count(*), min(requested_at) FROM trials WHERE status = 'pending' GROUP BY provider, status
    UNION ALL
    SELECT provider, status, count(*), min(requested_at) FROM trials WHERE status IN ('synthesizing', 'scoring')
    GROUP BY provider, status
    """
)

# Of the experiments that wait, found by jumping from one to the next in the index, each proposes as many trials as
# there are free slots. `share` is how many the experiment would have at the provider with this one.
_CHOSEN = sa.text(
    """
    WITH RECURSIVE busy AS (
        SELECT experiment_id, count(*) AS trials FROM trials
        WHERE provider = :of_provider AND status = 'synthesizing' GROUP BY experiment_id
    ), free AS (
        SELECT greatest(
            0,
            coalesce(
                (SELECT max_concurrency + CASE WHEN local THEN :local_lookahead ELSE 0 END
                 FROM providers WHERE id = :of_provider),
                :unknown_concurrency
            ) - (SELECT coalesce(sum(trials), 0) FROM busy)
        )::bigint AS slots
    ), waiting AS (
        SELECT min(experiment_id) AS experiment_id FROM trials WHERE provider = :of_provider AND status = 'pending'
        UNION ALL
        SELECT (
            SELECT min(experiment_id) FROM trials
            WHERE provider = :of_provider AND status = 'pending' AND experiment_id > waiting.experiment_id
        ) FROM waiting WHERE experiment_id IS NOT NULL
    ), proposed AS (
        SELECT
            candidate.id,
            row_number() OVER (PARTITION BY waiting.experiment_id ORDER BY candidate.position)
                + coalesce(busy.trials, 0) AS share,
            (SELECT max(released_at) FROM trials
             WHERE experiment_id = waiting.experiment_id AND provider = :of_provider) AS last_turn,
            experiments.started_at,
            candidate.position
        FROM waiting
        JOIN experiments ON experiments.id = waiting.experiment_id AND experiments.status = 'running'
        LEFT JOIN busy ON busy.experiment_id = waiting.experiment_id
        CROSS JOIN LATERAL (
            SELECT id, position FROM trials
            WHERE provider = :of_provider AND status = 'pending' AND experiment_id = waiting.experiment_id
            ORDER BY position LIMIT (SELECT slots FROM free)
        ) AS candidate
    ), chosen AS (
        SELECT id FROM proposed
        ORDER BY share, last_turn NULLS FIRST, started_at, id LIMIT (SELECT slots FROM free)
    )
    SELECT id FROM trials WHERE id IN (SELECT id FROM chosen) AND status = 'pending' FOR UPDATE SKIP LOCKED
    """
).columns(sa.column("id", sa.Text))


def _releasing() -> "sa.Select[Any]":
    chosen = _CHOSEN.cte("turns")
    at = sa.bindparam("at", type_=sa.DateTime(timezone=True))
    moved = (
        sa.update(TRIALS)
        .where(_T.id == chosen.c.id, _E.id == _T.experiment_id)
        .values(status=TrialStatus.SYNTHESIZING.value, attempts=_T.attempts + 1, requested_at=at, released_at=at)
        .returning(*TRIAL_COLUMNS, _E.developer_id, _E.traceparent)
        .cte("moved")
    )
    return sa.select(*moved.c, sa.func.pg_notify(CHANGED, moved.c.experiment_id))


_RELEASE = Statement(_releasing())


class SqlDispatchStore:
    """The store over PostgreSQL."""

    async def learn(self, connection: AsyncConnection, provider: Provider, at: datetime) -> bool:
        added = insert(PROVIDERS).values(
            id=provider.id, max_concurrency=provider.max_concurrency, local=provider.local, updated_at=at
        )
        before = sa.select(_P.max_concurrency, _P.local).where(_P.id == provider.id)
        known = (await connection.execute(before)).one_or_none()
        new = added.excluded
        result = await connection.execute(
            added.on_conflict_do_update(
                index_elements=[_P.id],
                set_={"max_concurrency": new.max_concurrency, "local": new.local, "updated_at": new.updated_at},
                where=_P.updated_at < new.updated_at,
            ).returning(_P.id)
        )
        written = result.first() is not None
        return written and (known is None or tuple(known) != (provider.max_concurrency, provider.local))

    async def waited_for(self, connection: HotConnection, providers: Collection[str]) -> Collection[str]:
        return [row[0] for row in await connection.rows(_WAITED_FOR, {"providers": list(providers)})]

    async def unfinished(self, connection: AsyncConnection) -> Sequence[Unfinished]:
        return [
            Unfinished(provider, TrialStatus(status), trials, since)
            for provider, status, trials, since in await connection.execute(_UNFINISHED)
        ]

    async def release(
        self,
        connection: AsyncConnection,
        provider: str,
        at: datetime,
        *,
        unknown_concurrency: int,
        local_lookahead: int,
    ) -> Sequence[Released]:
        # A statement of its own: what the next one sees is from after the lock.
        await _LOCK.execute(connection, name=f"voicearena provider {provider}")
        rows = await _RELEASE.execute(
            connection,
            of_provider=provider,
            at=at,
            unknown_concurrency=unknown_concurrency,
            local_lookahead=local_lookahead,
        )
        count = len(TRIAL_COLUMNS)
        released = [Released(trial_from(row[:count]), row[count], row[count + 1]) for row in rows]
        return sorted(released, key=lambda one: (one.trial.position, one.trial.id))
