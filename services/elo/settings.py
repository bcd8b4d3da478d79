"""The settings of the elo service."""

from pydantic import Field

from services.runtime.settings import DatabaseSettings, ServiceSettings, SigningSettings, WatchSettings


class EloSettings(ServiceSettings, DatabaseSettings, SigningSettings, WatchSettings):
    """The settings that only elo has, besides the shared ones."""

    max_models: int = Field(500, ge=1, le=1_000_000)
    """The number of active voice models that a developer may have."""
    board_interval_seconds: float = Field(300.0, ge=1, le=86_400)
    """The interval at which published boards are computed. They are computed earlier when their votes grow by 10%."""
