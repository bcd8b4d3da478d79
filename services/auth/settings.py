"""What the auth service is told."""

from typing import TYPE_CHECKING

from pydantic import Field, create_model
from pydantic_settings import BaseSettings

from services.runtime.mesh import SERVICES, default_address
from services.runtime.settings import Address, Addresses, DatabaseSettings, ServiceSettings, SigningSettings

# Auth answers for the whole mesh, and asks each service how it is.
if TYPE_CHECKING:
    _Addresses = BaseSettings
else:
    _Addresses = create_model(
        "_Addresses",
        __base__=BaseSettings,
        **{f"{name}_address": (Addresses, default_address(name)) for name in SERVICES},
    )


class AuthSettings(ServiceSettings, DatabaseSettings, SigningSettings, _Addresses):
    """The auth service's settings. There is an address for each service, `TTS_ADDRESS` say."""

    further_workers: dict[str, Address] = Field(default_factory=dict)
    """Processes whose health is asked for beside that of the services, by name: `{"tts-2": "10.0.0.7:50053"}`."""
    max_registrations_per_address: int = Field(100, ge=1, le=1_000_000)
    """How many developers may register from one address within 24 hours; a try for a taken e-mail address counts."""
    max_voters_per_address: int = Field(1000, ge=1, le=1_000_000)
    """How many anonymous sessions may be made from one address within 24 hours."""

    def addresses(self) -> dict[str, str]:
        """Returns where each service, and each further worker, is, by name."""
        return {**{name: getattr(self, f"{name}_address") for name in SERVICES}, **self.further_workers}
