"""What the auth service is told."""

from pydantic import Field

from services.runtime.settings import Address, ServiceSettings


class AuthSettings(ServiceSettings):
    """The auth service's settings."""

    further_workers: dict[str, Address] = Field(default_factory=dict)
    """Processes whose health is asked for beside that of the services, by name: `{"tts-2": "10.0.0.7:50053"}`."""
