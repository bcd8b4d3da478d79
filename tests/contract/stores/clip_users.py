"""Users of clips, for the suites that each of them must pass.

`Trials` are the trials of an experiment, `ArenaRenders` the renders of the arena. `Lines` is a minimal user, whose
table has a row per clip and no runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.elo.rendering import clips as render_clips
from services.elo.tables import RENDERS, RENDERS_CHANGED
from services.experiments.tables import CHANGED
from services.runtime.db import Database
from services.shared.clips.domain import ClipStatus, HeardSpeech
from services.shared.clips.queue_store import QueueStore, SqlQueueStore
from services.shared.clips.store import ClipStore, SqlClipStore
from services.shared.clips.table import ClipTable
from services.shared.metrics import METRICS, Measurements
from tests.contract.stores.elo import rows as elo_rows
from tests.contract.stores.experiments import rows as experiment_rows
from tests.contract.stores.experiments.stores import ExperimentStores

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Row:
    """The stored fields of a clip that the suites check."""

    status: ClipStatus
    attempts: int = 1
    attempts_before: int = 0
    provider_requests: int = 0
    audio_name: str | None = None
    audio_deleted_at: datetime | None = None
    error_kind: str = ""
    error_message: str = ""
    ended_at: datetime | None = None
    measurements: Measurements = field(default_factory=Measurements)
    heard_speech: HeardSpeech | None = None


class ClipUserCase(Protocol):
    """A user of clips with its stores, and with methods by which the suites write and read its rows."""

    database: Database
    clips: ClipStore
    queue: QueueStore
    channel: str
    listens: bool
    """Whether models listen to its clips."""

    def run_of(self, clip_id: str) -> str:
        """Returns the id of the run that a clip belongs to."""

    async def add(
        self, clip_id: str, order: int = 0, *, provider: str = "espeak", requested_at: datetime = NOON, **values: Any
    ) -> None:
        """Adds a clip of dev_a with the text "Hello." that is synthesizing, in a run that last moved at noon."""

    async def stop(self, clip_id: str) -> None:
        """Stops the run of a clip."""

    async def read(self, clip_id: str) -> Row:
        """Returns the stored fields of a clip."""


class Trials:
    """The trials of one experiment, in PostgreSQL or in memory."""

    channel = CHANGED
    listens = False

    def __init__(self, database: Database) -> None:
        self.database = database
        stores = ExperimentStores(database)
        self.store, self.clips, self.queue = stores.experiments, stores.clips, stores.queue
        self._added = 0

    def run_of(self, clip_id: str) -> str:
        return "exp_a"

    async def add(
        self, clip_id: str, order: int = 0, *, provider: str = "espeak", requested_at: datetime = NOON, **values: Any
    ) -> None:
        if not self._added:
            await experiment_rows.add(self.database, self.store, experiment_rows.experiment("exp_a"))
            async with self.database.transaction() as connection:
                await self.store.start(connection, "exp_a", [], "a trace", NOON)
        trial = experiment_rows.trial(clip_id, self._added, position=order, provider=provider, **values)
        self._added += 1
        await experiment_rows.add_trials(self.database, self.store, trial, requested_at=requested_at)

    async def stop(self, clip_id: str) -> None:
        async with self.database.transaction() as connection:
            await self.store.cancel(connection, "exp_a", NOON)

    async def read(self, clip_id: str) -> Row:
        async with self.database.reading() as connection:
            (trial,) = [each for each in await self.store.trials(connection, "exp_a") if each.id == clip_id]
        return Row(**{name: getattr(trial, name) for name in Row.__dataclass_fields__})


_KINDS = {float: sa.Double, int: sa.Integer, bool: sa.Boolean, str: sa.Text}
_METADATA = sa.MetaData()
LINES = sa.Table(
    "lines",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer),
    sa.Column("speaker", sa.Text),
    sa.Column("words", sa.Text),
    sa.Column("wanted", sa.Boolean),
    sa.Column("heard", sa.Boolean),
    sa.Column("spoken_language", sa.Text),
    sa.Column("heard_speech", JSONB(none_as_null=True)),
    *(sa.Column(name, sa.Text) for name in ("provider", "voice_id", "model_id", "language", "status", "audio_name")),
    *(sa.Column(name, sa.Integer) for name in ("attempts", "attempts_before", "provider_requests", "seed")),
    sa.Column("speed", sa.Double),
    *(sa.Column(name, sa.Text) for name in ("error_kind", "error_message")),
    *(
        sa.Column(name, sa.DateTime(timezone=True))
        for name in ("requested_at", "released_at", "audio_deleted_at", "ended_at")
    ),
    *(sa.Column(metric.name, _KINDS[metric.kind]) for metric in METRICS),
)
LINES_PROVIDERS = sa.Table(
    "lines_providers",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("max_concurrency", sa.Integer),
    sa.Column("local", sa.Boolean),
    sa.Column("updated_at", sa.DateTime(timezone=True)),
    sa.Column("share", sa.Integer),
    sa.Column("shared_until", sa.DateTime(timezone=True)),
)
_L = LINES.c


def _count_line(moved: sa.CTE) -> "sa.Select[Any]":
    ended = moved.c.status.in_([sa.literal_column("'completed'"), sa.literal_column("'failed'")])
    return sa.select(moved.c.provider, ended.label("last"), sa.func.pg_notify(Lines.channel, moved.c.run_id))


class Lines:
    """Lines of text in PostgreSQL. Each line is its own run."""

    channel = "lines_changed"
    listens = False

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clips: ClipStore = SqlClipStore(LINES_TABLE)
        self.queue: QueueStore = SqlQueueStore(LINES_TABLE)

    def run_of(self, clip_id: str) -> str:
        return clip_id

    async def add(
        self, clip_id: str, order: int = 0, *, provider: str = "espeak", requested_at: datetime = NOON, **values: Any
    ) -> None:
        row = {"status": ClipStatus.SYNTHESIZING, "attempts": 1, "attempts_before": 0, "provider_requests": 0, **values}
        text_fields = {"words": "Hello.", "voice_id": "en", "model_id": "", "error_kind": "", "error_message": ""}
        identity_fields = {"id": clip_id, "number": order, "speaker": "dev_a", "wanted": True, "provider": provider}
        listening = {"heard": False, "spoken_language": ""}
        async with self.database.transaction() as connection:
            await connection.execute(
                sa.insert(LINES).values(
                    {**text_fields, **identity_fields, **listening, **row, "requested_at": requested_at}
                )
            )

    async def stop(self, clip_id: str) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(sa.update(LINES).where(_L.id == clip_id).values(wanted=False))

    async def read(self, clip_id: str) -> Row:
        return _row_of(await _read(self.database, LINES, clip_id))


class ArenaRenders:
    """The renders of one scenario by one voice model. Each render is its own run."""

    channel = RENDERS_CHANGED
    listens = True

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clips: ClipStore = SqlClipStore(render_clips.TABLE)
        self.queue: QueueStore = SqlQueueStore(render_clips.TABLE)
        self._added = 0

    def run_of(self, clip_id: str) -> str:
        return clip_id

    async def add(
        self, clip_id: str, order: int = 0, *, provider: str = "espeak", requested_at: datetime = NOON, **values: Any
    ) -> None:
        if not self._added:
            await elo_rows.add_models(self.database, "mdl_a")
            await elo_rows.add_scenario(self.database, "scn_a")
        row = {"developer_id": "dev_a", "provider": provider, "requested_at": requested_at, **values}
        row = {"created_at": NOON + order * MINUTE, "number": self._added, "status": ClipStatus.SYNTHESIZING, **row}
        self._added += 1
        await elo_rows.add_render(self.database, clip_id, "mdl_a", "scn_a", **row)

    async def stop(self, clip_id: str) -> None:
        async with self.database.transaction() as connection:
            stopping = sa.update(RENDERS).where(RENDERS.c.id == clip_id)
            await connection.execute(stopping.values(status=ClipStatus.CANCELLED))

    async def read(self, clip_id: str) -> Row:
        return _row_of(await _read(self.database, RENDERS, clip_id))


async def _read(database: Database, table: sa.Table, clip_id: str) -> Mapping[str, Any]:
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(table).where(table.c.id == clip_id))).one()
    return {column.name: value for column, value in zip(table.c, row, strict=True)}


def _row_of(row: Mapping[str, Any]) -> Row:
    measurements = Measurements(**{metric.name: row[metric.name] for metric in METRICS})
    own = {name: row[name] for name in Row.__dataclass_fields__ if name != "measurements"}
    heard = HeardSpeech(**row["heard_speech"]) if row["heard_speech"] else None
    return Row(**{**own, "status": ClipStatus(row["status"]), "heard_speech": heard}, measurements=measurements)


LINES_TABLE = ClipTable(
    rows=LINES,
    text=_L.words,
    run=_L.id,
    order=_L.number,
    run_id=_L.id,
    developer_id=_L.speaker,
    traceparent=sa.literal("a trace"),
    running=_L.wanted,
    listen=_L.heard,
    progressed_at=_L.requested_at,
    counted=_count_line,
    turns="""
        SELECT id FROM lines WHERE provider = :of_provider AND status = 'pending' AND wanted
        ORDER BY number LIMIT (SELECT slots FROM free) FOR UPDATE SKIP LOCKED
    """,
    providers=LINES_PROVIDERS,
    channel=Lines.channel,
)
