"""The settings of the elo service."""

from pydantic import Field

from services.runtime.settings import DatabaseSettings, ServiceSettings, SigningSettings


class EloSettings(ServiceSettings, DatabaseSettings, SigningSettings):
    """The settings that only elo has, besides the shared ones."""

    max_models: int = Field(500, ge=1, le=1_000_000)
    """The number of active voice models that a developer may have."""
