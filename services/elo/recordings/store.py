"""The queries about recordings of scenarios."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue.tables import VOICE_MODELS
from services.elo.domain import ModelKind, Visibility
from services.elo.tables import BATTLES, RENDERS, RENDERS_CHANGED, SCENARIOS
from services.runtime.db import notify
from services.shared.clips.domain import ClipStatus, HeardSpeech
from services.shared.metrics import METRICS, Measurements

_R, _B, _S, _M = RENDERS.c, BATTLES.c, SCENARIOS.c, VOICE_MODELS.c


@dataclass(frozen=True, slots=True)
class RecordedModel:
    """A voice model that can have recordings."""

    id: str
    developer_id: str
    kind: ModelKind
    provider: str
    voice_id: str
    model_id: str


@dataclass(frozen=True, slots=True)
class ScenarioText:
    """A scenario, as far as a recording of it needs it."""

    id: str
    developer_id: str
    visibility: Visibility
    archived: bool
    text: str
    language: str

    def is_visible_to(self, developer_id: str) -> bool:
        """Returns whether a developer can see it."""
        return self.visibility is Visibility.PUBLIC or self.developer_id == developer_id


@dataclass(frozen=True, slots=True)
class RecordingsSoFar:
    """What exists of a scenario by a model."""

    numbers: frozenset[int]
    """Of its renders."""
    used: bool
    """Whether there is a battle with both, of whatever status."""

    @property
    def next_number(self) -> int:
        """The lowest number that no render has."""
        return min(set(range(len(self.numbers) + 1)) - self.numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRender:
    """A recording that becomes a render."""

    id: str
    evaluation_id: str
    audio_name: str
    audio_sha256: bytes
    measurements: Measurements
    heard: HeardSpeech | None
    traceparent: str
    at: datetime


class RecordingStore:
    """Each method runs in the transaction of `connection`."""

    async def model(self, connection: AsyncConnection, model_id: str) -> RecordedModel | None:
        """Returns a voice model, None if it does not exist."""
        query = sa.select(_M.id, _M.developer_id, _M.kind, _M.provider, _M.voice_id, _M.model_id)
        row = (await connection.execute(query.where(_M.id == model_id))).one_or_none()
        return RecordedModel(row[0], row[1], ModelKind(row[2]), *row[3:]) if row else None

    async def scenario(self, connection: AsyncConnection, scenario_id: str) -> ScenarioText | None:
        """Returns a scenario, None if it does not exist."""
        query = sa.select(
            *(_S.id, _S.developer_id, _S.visibility, _S.archived, _S.ground_truth_transcript, _S.language)
        ).where(_S.id == scenario_id)
        row = (await connection.execute(query)).one_or_none()
        return ScenarioText(row[0], row[1], Visibility(row[2]), *row[3:]) if row else None

    async def so_far(self, connection: AsyncConnection, model_id: str, scenario_id: str) -> RecordingsSoFar:
        """Returns what exists of a scenario by a model."""
        numbers = sa.select(_R.number).where(_R.voice_model_id == model_id, _R.scenario_id == scenario_id)
        battle = sa.exists().where(
            _B.scenario_id == scenario_id, sa.or_(_B.model_a_id == model_id, _B.model_b_id == model_id)
        )
        used = (await connection.execute(sa.select(battle))).scalar_one()
        return RecordingsSoFar(frozenset((await connection.execute(numbers)).scalars()), used)

    async def spoken(self, connection: AsyncConnection, render_id: str) -> tuple[str, str] | None:
        """Returns the model and the scenario of a render, None if it does not exist."""
        query = sa.select(_R.voice_model_id, _R.scenario_id).where(_R.id == render_id)
        row = (await connection.execute(query)).one_or_none()
        return (row[0], row[1]) if row else None

    async def remove_unused(self, connection: AsyncConnection, render_id: str) -> bool:
        """Deletes a render unless there is a battle with its model and its scenario. Returns whether it did."""
        battle = sa.exists().where(
            _B.scenario_id == _R.scenario_id,
            sa.or_(_B.model_a_id == _R.voice_model_id, _B.model_b_id == _R.voice_model_id),
        )
        removed = await connection.execute(sa.delete(RENDERS).where(_R.id == render_id, ~battle).returning(_R.id))
        return removed.first() is not None

    async def add(
        self,
        connection: AsyncConnection,
        model: RecordedModel,
        scenario: ScenarioText,
        number: int,
        recorded: RecordedRender,
    ) -> None:
        """Adds a completed render and wakes those who wait for renders."""
        values: Mapping[str, Any] = {
            "id": recorded.id,
            "voice_model_id": model.id,
            "scenario_id": scenario.id,
            "number": number,
            "developer_id": model.developer_id,
            "traceparent": recorded.traceparent,
            "text": scenario.text,
            "evaluation_id": recorded.evaluation_id,
            "audio_name": recorded.audio_name,
            "audio_sha256": recorded.audio_sha256,
            "created_at": recorded.at,
            "ended_at": recorded.at,
            "provider": model.provider,
            "voice_id": model.voice_id,
            "model_id": model.model_id,
            "spoken_language": scenario.language,
            "status": ClipStatus.COMPLETED.value,
            "attempts": 0,
            "attempts_before": 0,
            "provider_requests": 0,
            "error_kind": "",
            "error_message": "",
            "heard_speech": dataclasses.asdict(recorded.heard) if recorded.heard else None,
            **{metric.name: getattr(recorded.measurements, metric.name) for metric in METRICS},
        }
        await connection.execute(sa.insert(RENDERS).values(values))
        await notify(connection, RENDERS_CHANGED, recorded.id)
