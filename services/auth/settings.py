"""What the auth service is told; all of it is what every service is told."""

from services.runtime.settings import ServiceSettings


class AuthSettings(ServiceSettings):
    """The auth service's settings."""
