"""What the auth service is told."""

from pydantic import Field

from services.runtime.settings import Address, Addresses, DatabaseSettings, ServiceSettings, SigningSettings


class AuthSettings(ServiceSettings, DatabaseSettings, SigningSettings):
    """The auth service's settings."""

    # Auth answers for the whole mesh, and asks each service how it is.
    experiments_address: Addresses = "127.0.0.1:50052"
    tts_address: Addresses = "127.0.0.1:50053"
    scoring_address: Addresses = "127.0.0.1:50054"
    elo_address: Addresses = "127.0.0.1:50055"
    further_workers: dict[str, Address] = Field(default_factory=dict)
    """Processes whose health is asked for beside that of the services, by name: `{"tts-2": "10.0.0.7:50053"}`."""
    max_registrations_per_address: int = Field(100, ge=1, le=1_000_000)
    """How many developers may register from one address within 24 hours; a try for a taken e-mail address counts."""
    max_voters_per_address: int = Field(1000, ge=1, le=1_000_000)
    """How many anonymous sessions may be made from one address within 24 hours."""
