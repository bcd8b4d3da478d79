"""The settings of the auth service."""

from typing import TYPE_CHECKING

from pydantic import Field, create_model
from pydantic_settings import BaseSettings

from services.runtime.mesh import SERVICES, default_address
from services.runtime.settings import Address, Addresses, DatabaseSettings, ServiceSettings, SigningSettings

# Auth reports the status of the whole mesh, so it needs the address of each service.
if TYPE_CHECKING:
    _Addresses = BaseSettings
else:
    _Addresses = create_model(
        "_Addresses",
        __base__=BaseSettings,
        **{f"{name}_address": (Addresses, default_address(name)) for name in SERVICES},
    )


class AuthSettings(ServiceSettings, DatabaseSettings, SigningSettings, _Addresses):
    """The auth service's settings. Each service has an address setting, such as `TTS_ADDRESS`."""

    further_workers: dict[str, Address] = Field(default_factory=dict)
    """Further processes whose status is reported, by name: `{"tts-2": "10.0.0.7:50053"}`."""
    max_registrations_per_address: int = Field(100, ge=1, le=1_000_000)
    """Registrations per address within 24 hours. An attempt with an e-mail address that is in use counts too."""
    max_voters_per_address: int = Field(1000, ge=1, le=1_000_000)
    """Voter sessions per address within 24 hours."""

    def addresses(self) -> dict[str, str]:
        """Returns the address of each service and each further worker, by name."""
        return {**{name: getattr(self, f"{name}_address") for name in SERVICES}, **self.further_workers}
