"""The recent failures of one provider."""

import time

from services.tts.domain import FailureKind, SynthesisError

# Failures that are caused by the request, not by the provider.
_NOT_THE_PROVIDER = {
    FailureKind.INVALID_REQUEST,
    FailureKind.TEXT_TOO_LONG,
    FailureKind.UNKNOWN_VOICE,
    FailureKind.CANCELLED,
}


class ProviderHealth:
    """The outcomes of the last requests to one provider."""

    def __init__(self) -> None:
        self.failing = False
        """Whether the last request failed because of the provider."""
        self.last_kind: FailureKind | None = None
        """The kind of the provider's last failure, None before the first."""
        self._failed_at = 0.0

    @property
    def seconds_since_failure(self) -> float:
        """The seconds since the provider's last failure, if there was one."""
        return time.monotonic() - self._failed_at

    def succeeded(self) -> None:
        """Records that a request succeeded."""
        self.failing = False

    def failed(self, error: SynthesisError) -> None:
        """Records that a request failed."""
        if error.kind not in _NOT_THE_PROVIDER:
            self.failing = True
            self.last_kind = error.kind
            self._failed_at = time.monotonic()
