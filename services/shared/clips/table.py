"""The port to the user of clips: which of its tables hold them, and what it does of its own when one moves.

Each statement that moves a clip belongs to this folder. The user adds its part to that same statement (`counted`), so
that a step, the user's counts and the notification of watchers are one round trip.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shared.clips.domain import Clip, ClipStatus, Ended
from services.shared.clips.facts import Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTable:
    """Where a user keeps its clips.

    `rows` has a row for each clip, with these columns: id, provider, voice_id, model_id, speed, language, seed, status,
    attempts, attempts_before, provider_requests, requested_at, released_at, audio_name, audio_deleted_at, error_kind,
    error_message, ended_at, and one for each measurement.

    A run groups clips: an experiment, a battle. Whoever changes a clip in flight locks the row of its run, so the steps
    of one run follow one another. A user whose clips belong to nothing names the clip's own row as its run.
    """

    rows: sa.Table
    text: "sa.Column[Any]"
    run: "sa.Column[Any]"
    """The column of `rows` that refers to the run."""
    order: "sa.Column[Any]"
    """The column of `rows` by which the clips of a run are asked for."""
    run_id: "sa.Column[Any]"
    """The key of the run's own row. The next four are columns of that row, or made of some."""
    developer_id: "sa.ColumnElement[Any]"
    traceparent: "sa.ColumnElement[Any]"
    running: "sa.ColumnElement[bool]"
    """Whether answers to the run's clips count."""
    progressed_at: "sa.ColumnElement[Any]"
    """When the last of the run's clips moved. Nothing is asked for again while others move."""
    counted: Callable[[sa.CTE], "sa.Select[Any]"]
    """Makes the end of the statement that moves a clip: it counts on the run's row, wakes watchers, and returns
    `provider` and `last`, which is whether every clip of the run has ended. The part before it has the clip's `id`,
    `run_id`, `provider` and new `status`."""
    turns: str
    """SQL that returns the ids of the pending clips at `:of_provider` whose turn it is, at most
    `(SELECT slots FROM free)` of them, in running runs only. It locks them and passes over those that others hold."""
    providers: sa.Table
    """What is known of providers: id, max_concurrency, local, updated_at, share, shared_until."""
    channel: str
    """Who watches runs listens here for their ids."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What Prometheus learns of a user's clips."""

    moved: Counter
    """By status: the clips that have come to it."""
    unfinished: Gauge
    """By provider and status."""
    longest_wait_seconds: Gauge
    """By provider."""
    release_seconds: Histogram


@dataclass(frozen=True, slots=True)
class User:
    """Who uses clips."""

    requests: Requests
    run: str
    """What logs call a run: `experiment_id`."""
    figures: Figures


OnEnd = Callable[[AsyncConnection, Ended], Awaitable[None]]
"""What a user does when a clip has ended, in the transaction that ends it, while the run is locked."""

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
)


def clip_columns(table: ClipTable) -> "list[sa.ColumnElement[Any]]":
    """Returns what `clip_from` makes a clip of."""
    own = [table.rows.c[name] for name in _OWN_COLUMNS]
    of_run = (table.run.label("run_id"), table.developer_id.label("developer_id"), table.traceparent.label("trace"))
    return [*own, *of_run, table.text.label("text")]


def clip_from(row: Sequence[Any]) -> Clip:
    """Returns the clip in a row of `clip_columns`."""
    *own, run_id, developer_id, traceparent, text = row
    values = dict(zip(_OWN_COLUMNS, own, strict=True))
    values["status"] = ClipStatus(values["status"])
    return Clip(**values, run_id=run_id, developer_id=developer_id, traceparent=traceparent, text=text)
