"""The port to the service that uses clips: the tables in which it keeps them, and its own part of each step.

The statements that move a clip belong to this folder. The service adds its part to the same statement (`counted`), so
a step, the counts of the service and the notification of watchers need one round trip.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shared.clips.domain import Clip, ClipStatus, EndedClip
from services.shared.clips.facts import Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTable:
    """The tables of one service.

    `rows` has one row per clip, with these columns: id, provider, voice_id, model_id, speed, language, seed, status,
    attempts, attempts_before, provider_requests, requested_at, released_at, audio_name, audio_deleted_at, error_kind,
    error_message, ended_at, spoken_language, heard_speech (JSONB), and one for each field of `Measurements`.

    A run groups clips, such as an experiment or a battle. Code that changes an unfinished clip must lock the row of its
    run, so the steps of one run follow one another. If clips belong to nothing, each clip's own row is its run.
    """

    rows: sa.Table
    text: "sa.Column[Any]"
    run: "sa.Column[Any]"
    """The column of `rows` with the id of the run."""
    order: "sa.Column[Any]"
    """The column of `rows` by which the clips of a run are ordered."""
    run_id: "sa.Column[Any]"
    """The primary key of the run's own row. The next five fields are columns of that row or expressions over them."""
    developer_id: "sa.ColumnElement[Any]"
    traceparent: "sa.ColumnElement[Any]"
    running: "sa.ColumnElement[bool]"
    """Whether the run is running. Results for clips of other runs are ignored."""
    listen: "sa.ColumnElement[bool]"
    """Whether models listen to the clips of the run."""
    progressed_at: "sa.ColumnElement[Any]"
    """When a clip of the run last moved. No request is repeated while other clips of the run move."""
    counted: Callable[[sa.CTE], "sa.Select[Any]"]
    """Returns the last part of the statement that moves a clip. It gets the CTE with the clip's `id`, `run_id`,
    `provider` and new `status`. It must update the counts of the run, notify `channel`, and select `provider` and
    `last`, which says whether every clip of the run has ended."""
    turns: str
    """SQL that selects the ids of the next pending clips at `:of_provider`, in running runs only, at most
    `(SELECT slots FROM free)` of them. It must lock them and skip locked rows (FOR UPDATE SKIP LOCKED)."""
    providers: sa.Table
    """The known providers: id, max_concurrency, local, updated_at, share, shared_until."""
    channel: str
    """The PostgreSQL notification channel on which the ids of changed runs are sent to their watchers."""


@dataclass(frozen=True, slots=True)
class OperationalMetrics:
    """The Prometheus metrics of one service's clips."""

    moved: Counter
    """By status: the number of clips that have reached it."""
    unfinished: Gauge
    """By provider and status: the number of clips in it."""
    longest_wait_seconds: Gauge
    """By provider: how long its oldest pending clip has waited."""
    release_seconds: Histogram
    """The duration of choosing the next clips of a provider."""


@dataclass(frozen=True, slots=True)
class ClipUser:
    """A service that uses clips."""

    requests: Requests
    run: str
    """The key of a run's id in log lines, such as `experiment_id`."""
    operational_metrics: OperationalMetrics


OnEnd = Callable[[AsyncConnection, EndedClip], Awaitable[None]]
"""Called when a clip has completed or failed, in the transaction that ends it. The run is locked."""

_OWN_COLUMNS = (
    "id",
    "provider",
    "voice_id",
    "model_id",
    "speed",
    "language",
    "seed",
    "status",
    "attempts",
    "attempts_before",
    "audio_name",
    "spoken_language",
)


def clip_columns(table: ClipTable) -> "list[sa.ColumnElement[Any]]":
    """Returns the columns from which `clip_from` makes a clip."""
    own = [table.rows.c[name] for name in _OWN_COLUMNS]
    of_run = (
        table.run.label("run_id"),
        table.developer_id.label("developer_id"),
        table.traceparent.label("trace"),
        table.listen.label("listen"),
    )
    return [*own, *of_run, table.text.label("text")]


def clip_from(row: Sequence[Any]) -> Clip:
    """Returns the clip in a row of `clip_columns`."""
    *own, run_id, developer_id, traceparent, listen, text = row
    values = dict(zip(_OWN_COLUMNS, own, strict=True))
    values["status"] = ClipStatus(values["status"])
    of_run = {"run_id": run_id, "developer_id": developer_id, "traceparent": traceparent, "listen": listen}
    return Clip(**values, **of_run, text=text)
