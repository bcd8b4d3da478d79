"""The settings of the elo service."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from services.elo.battle_settings import BattleSettings
from services.elo.integrity.settings import IntegritySettings
from services.runtime.mesh import default_address
from services.runtime.settings import (
    Addresses,
    AudioSettings,
    ClipSettings,
    DatabaseSettings,
    HttpSettings,
    RetentionSettings,
    ServiceSettings,
    SigningSettings,
    SiteSettings,
    WatchSettings,
)


def _names(value: object) -> object:
    """Reads a comma-separated list of names."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]


class EloSettings(
    ServiceSettings,
    HttpSettings,
    DatabaseSettings,
    AudioSettings,
    SigningSettings,
    SiteSettings,
    RetentionSettings,
    ClipSettings,
    WatchSettings,
    BattleSettings,
    IntegritySettings,
):
    """The settings that only elo has, besides the shared ones."""

    experiments_address: Addresses = default_address("experiments")
    max_models: int = Field(500, ge=1, le=1_000_000)
    """The number of active voice models that a developer may have."""
    board_interval_seconds: float = Field(300.0, ge=1, le=86_400)
    """The interval at which published boards are computed. They are computed earlier when their votes grow by 10%."""
    max_scenarios: int = Field(500, ge=1, le=1_000_000)
    """The number of scenarios that a developer may have, without archived ones."""
    public_approval: bool = True
    """Whether an operator has to approve developers' public models and scenarios before public battles use them."""
    operators: Names = ()
    """The ids of the developers whose API keys can approve: `dev_1,dev_2`."""
    arena_providers: Names = ()
    """The providers that take part in the arena besides the local ones: `cartesia,openai`. They cost money."""
    arena_voices: int = Field(6, ge=0, le=1000)
    """The number of voices of the installation that take part: of all local providers together, and of each provider in
    `arena_providers`."""
