"""What the elo service is told."""

from services.runtime.settings import DatabaseSettings, ServiceSettings, SigningSettings


class EloSettings(ServiceSettings, DatabaseSettings, SigningSettings):
    """The elo service's settings."""
