"""The models and scenarios that a developer names for a battle, and why one of them can't be used."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue.tables import PROVIDERS, VOICE_MODELS
from services.elo.domain import ModelKind, Visibility
from services.elo.making.roster import (
    SCENARIO_COLUMNS,
    Contender,
    RosterScenario,
    contender,
    contender_columns,
    models_with_providers,
    scenario,
)
from services.elo.tables import SCENARIOS
from services.elo.visibility import Approval, is_visible

_M, _S, _P = VOICE_MODELS.c, SCENARIOS.c, PROVIDERS.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A model that a developer named."""

    contender: Contender
    developer_id: str
    visibility: Visibility
    approved_at: datetime | None
    active: bool
    local: bool
    unavailable_reason: str | None
    """Why its provider can't be used, empty if it can. None if the provider is unknown."""

    @property
    def id(self) -> str:
        """The id of the model."""
        return self.contender.id

    def error(self, developer_id: str, approval: Approval, providers: Collection[str]) -> str:
        """Returns why a developer can't use it in a battle, and what to do. Empty if they can.

        `providers` are those that take part besides the local ones.
        """
        speaker = self.contender.speaker
        if not self.active:
            return "was withdrawn; GET /api/v1/models?active_only=true lists voice models that can take part"
        if approval.awaited_by(self) and self.developer_id != developer_id:
            return "awaits the approval of an operator of this installation; choose another one until then"
        if speaker.kind is ModelKind.RECORDED:
            return ""
        if self.unavailable_reason is None or self.unavailable_reason:
            return f"{speaker.provider} can't be used: {self.unavailable_reason or 'tts does not announce it'}"
        if not self.local and speaker.provider not in providers:
            return (
                f"{speaker.provider} is not on this machine and costs money, so it takes no part in battles; the "
                "operator of this installation can add it to the setting ARENA_PROVIDERS"
            )
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedScenario:
    """A scenario that a developer named."""

    scenario: RosterScenario
    developer_id: str
    visibility: Visibility
    approved_at: datetime | None
    archived: bool

    def error(self, developer_id: str, approval: Approval) -> str:
        """Returns why a developer can't use it in a battle, and what to do. Empty if they can."""
        if self.archived:
            return "is archived; GET /api/v1/scenarios lists scenarios that can be used"
        if approval.awaited_by(self) and self.developer_id != developer_id:
            return "awaits the approval of an operator of this installation; choose another one until then"
        return ""


class EntrantStore:
    """Each method runs in the transaction of `connection`, if it has one."""

    async def models(
        self, connection: AsyncConnection, model_ids: Collection[str], developer_id: str
    ) -> Mapping[str, Entrant]:
        """Returns those of the models that the developer can see, by id."""
        own = [_M[name] for name in ("visibility", "approved_at", "active")]
        query = sa.select(*contender_columns(), *own, _P.local, _P.unavailable_reason)
        rows = await connection.execute(query.select_from(models_with_providers()).where(_M.id.in_(model_ids)))
        found = [
            Entrant(
                contender=contender(row),
                local=bool(row.local),
                unavailable_reason=row.unavailable_reason,
                **_own(row),
                active=row.active,
            )
            for row in rows
        ]
        return {each.id: each for each in found if is_visible(each, developer_id)}

    async def scenario(self, connection: AsyncConnection, scenario_id: str, developer_id: str) -> NamedScenario | None:
        """Returns a scenario if the developer can see it."""
        own = [_S[name] for name in ("developer_id", "visibility", "approved_at", "archived")]
        query = sa.select(*SCENARIO_COLUMNS, *own).where(_S.id == scenario_id)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        named = NamedScenario(scenario=scenario(row), archived=row.archived, **_own(row))
        return named if is_visible(named, developer_id) else None


def language_errors(models: Sequence[Entrant], on: RosterScenario | None) -> Mapping[str, str]:
    """Returns an error for each model whose language is not that of the others, by id."""
    wanted = on.language_family if on else next((m.contender.language for m in models if m.contender.language), "")
    whose = "the scenario" if on else "the other voice model"
    return {
        model.id: f"speaks {model.contender.language}, but {whose} is in {wanted}; choose models of one language"
        for model in models
        if model.contender.language not in ("", wanted)
    }


def _own(row: Any) -> dict[str, Any]:
    return {
        "developer_id": row.developer_id,
        "visibility": Visibility(row.visibility),
        "approved_at": row.approved_at,
    }
