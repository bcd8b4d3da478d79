"""What the elo service is told."""

from pydantic import Field

from services.runtime.settings import DatabaseSettings, ServiceSettings, SigningSettings


class EloSettings(ServiceSettings, DatabaseSettings, SigningSettings):
    """The elo service's settings."""

    max_models: int = Field(500, ge=1, le=1_000_000)
    """How many active voice models a developer may have registered."""
