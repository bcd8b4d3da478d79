"""What the auth service is told."""

from pydantic import Field

from services.runtime.settings import Address, ServiceSettings


class AuthSettings(ServiceSettings):
    """The auth service's settings."""

    further_workers: dict[str, Address] = Field(default_factory=dict)
    """Processes whose health is asked for beside that of the services, by name: `{"tts-2": "10.0.0.7:50053"}`."""
    max_voters_per_address: int = Field(1000, ge=1, le=1_000_000)
    """How many anonymous sessions may be made from one address within 24 hours."""
