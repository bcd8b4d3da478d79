"""Trials as clips: their table, the order in which experiments share a provider, and the counts after each step."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.experiments import facts, operational_metrics
from services.experiments.domain import ExperimentStatus, TrialStatus
from services.experiments.running.finishing import Finishing
from services.experiments.store import Store
from services.experiments.tables import CHANGED, EXPERIMENTS, PROVIDERS, TRIALS
from services.shared.clips.domain import EndedClip
from services.shared.clips.table import ClipTable, ClipUser, OnEnd, OperationalMetrics

_E, _T = EXPERIMENTS.c, TRIALS.c
USER = ClipUser(
    facts.REQUESTS,
    "experiment_id",
    OperationalMetrics(
        operational_metrics.TRIALS,
        operational_metrics.UNFINISHED,
        operational_metrics.OLDEST_WAIT_SECONDS,
        operational_metrics.RELEASE_SECONDS,
    ),
)

# The experiment with the fewest trials at the provider comes first, then the one whose last turn is longest ago. Within
# an experiment the lowest `position` comes first. The recursive query finds the waiting experiments by jumping from one
# to the next in the index. Each experiment proposes one trial for each free slot. `share` is the number of trials that
# the experiment would have at the provider, including this one.
_TURNS = """
    WITH RECURSIVE busy AS (
        SELECT experiment_id, count(*) AS trials FROM trials
        WHERE provider = :of_provider AND status = 'synthesizing' GROUP BY experiment_id
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


def _counted(moved: sa.CTE) -> "sa.Select[Any]":
    """Returns the query that counts an ended trial in its experiment and wakes the experiment's watchers."""
    values: dict[Any, Any] = {
        _E.progressed_at: sa.func.now(),
        _E.completed_trials: _E.completed_trials + _one_if(moved, TrialStatus.COMPLETED),
        _E.failed_trials: _E.failed_trials + _one_if(moved, TrialStatus.FAILED),
    }
    left = _E.total_trials - _E.completed_trials - _E.failed_trials
    counted = (
        sa.update(EXPERIMENTS)
        .where(_E.id == moved.c.run_id)
        .values(values)
        .returning(_E.id, (left == 0).label("last"))
        .cte("counted")
    )
    query = sa.select(moved.c.provider, counted.c.last, sa.func.pg_notify(CHANGED, counted.c.id))
    return query.join_from(moved, counted, counted.c.id == moved.c.run_id)


def _one_if(moved: sa.CTE, status: TrialStatus) -> "sa.Case[int]":
    return sa.case((moved.c.status == sa.literal_column(f"'{status}'"), 1), else_=0)


TABLE = ClipTable(
    rows=TRIALS,
    text=_T.prompt_text,
    run=_T.experiment_id,
    order=_T.position,
    run_id=_E.id,
    developer_id=_E.developer_id,
    traceparent=_E.traceparent,
    running=_E.status == sa.literal_column(f"'{ExperimentStatus.RUNNING}'"),
    listen=_E.listens,
    progressed_at=_E.progressed_at,
    counted=_counted,
    turns=_TURNS,
    providers=PROVIDERS,
    channel=CHANGED,
)


def on_end(store: Store, finishing: Finishing) -> OnEnd:
    """Returns the callback for an ended trial. After an experiment's last trial, the experiment goes on."""

    async def ended(connection: AsyncConnection, trial: EndedClip) -> None:
        if not trial.last:
            return
        experiment = await store.lock(connection, trial.run_id)
        if experiment is None:
            raise LookupError(f"experiment {trial.run_id} does not exist although its trial {trial.id} has ended")
        await finishing.trials_ended(connection, experiment)

    return ended
