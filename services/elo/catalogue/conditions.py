"""Conditions on voice models, for queries of every subject that draws or shows them."""

from collections.abc import Collection

import sqlalchemy as sa

from services.elo.catalogue.tables import KNOWN_VOICES, PROVIDERS, VOICE_MODELS
from services.elo.domain import ModelKind
from services.elo.visibility import Approval

_M = VOICE_MODELS.c


def of_voice() -> "sa.ColumnElement[bool]":
    """Returns the condition that a row of KNOWN_VOICES is the voice of a model of VOICE_MODELS."""
    return sa.and_(KNOWN_VOICES.c.provider == _M.provider, KNOWN_VOICES.c.voice_id == _M.voice_id)


def in_public_battles(approval: Approval) -> "sa.ColumnElement[bool]":
    """Returns the condition on VOICE_MODELS that new public battles may use a model."""
    return sa.and_(_M.active, approval.in_public_battles(VOICE_MODELS))


def in_arena(approval: Approval, providers: Collection[str]) -> "sa.ColumnElement[bool]":
    """Returns the condition on VOICE_MODELS that the matchmaker may draw a model for public battles.

    `providers` are those that may cost money (ARENA_PROVIDERS). Local ones always take part while they can be used.
    """
    taking_part = sa.select(PROVIDERS.c.id).where(
        PROVIDERS.c.unavailable_reason == "", sa.or_(PROVIDERS.c.local, PROVIDERS.c.id.in_(providers))
    )
    speaks = sa.or_(_M.kind == ModelKind.RECORDED, _M.provider.in_(taking_part))
    return sa.and_(_M.arena, in_public_battles(approval), speaks)


def spoken_language() -> "sa.ColumnElement[str]":
    """Returns the BCP 47 tag of the language that a model of VOICE_MODELS speaks, empty if unknown."""
    own = sa.select(KNOWN_VOICES.c.language).where(of_voice()).scalar_subquery()
    return sa.func.coalesce(sa.func.nullif(_M.parameters["language"].astext, ""), own, "")
