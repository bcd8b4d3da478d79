"""Conversions between voice models and rows."""

from typing import Any

import sqlalchemy as sa

from services.elo.catalogue.conditions import of_voice
from services.elo.catalogue.domain import VoiceModel
from services.elo.catalogue.tables import KNOWN_VOICES, VOICE_MODELS
from services.elo.domain import ModelKind, Visibility

_WITH_VOICES = VOICE_MODELS.outerjoin(KNOWN_VOICES, of_voice())
SELECT_MODELS = sa.select(
    VOICE_MODELS, sa.func.coalesce(KNOWN_VOICES.c.language, "").label("voice_language")
).select_from(_WITH_VOICES)
"""Models, each with the language of its voice."""


def model_values(model: VoiceModel) -> dict[str, Any]:
    """Returns the columns of a model that can change."""
    return {
        "name": model.name,
        "provider": model.provider,
        "version": model.version,
        "voice_id": model.voice_id,
        "model_id": model.model_id,
        "parameters": model.parameters(),
        "active": model.active,
        "visibility": model.visibility,
        "arena": model.arena,
        "cost_per_1000_characters": model.cost_per_1000_characters,
        "approved_at": model.approved_at,
        "updated_at": model.updated_at,
    }


def model_from(row: Any) -> VoiceModel:
    """Returns the model in a row of SELECT_MODELS."""
    return VoiceModel(
        id=row.id,
        developer_id=row.developer_id,
        kind=ModelKind(row.kind),
        name=row.name,
        provider=row.provider,
        version=row.version,
        voice_id=row.voice_id,
        model_id=row.model_id,
        speed=row.parameters.get("speed"),
        language=row.parameters.get("language"),
        seed=row.parameters.get("seed"),
        active=row.active,
        visibility=Visibility(row.visibility),
        arena=row.arena,
        cost_per_1000_characters=row.cost_per_1000_characters,
        approved_at=row.approved_at,
        first_battle_at=row.first_battle_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        seq=row.seq,
        voice_language=row.voice_language,
    )
