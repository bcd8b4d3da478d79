"""What the elo service is told; all of it is what every service is told."""

from services.runtime.settings import ServiceSettings


class EloSettings(ServiceSettings):
    """The elo service's settings."""
