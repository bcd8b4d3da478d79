"""How the requests to one provider went of late."""

import time

from services.tts.domain import FailureKind, SynthesisError

# What the request is to blame for, and nothing of the provider.
_NOT_THE_PROVIDER = {
    FailureKind.INVALID_REQUEST,
    FailureKind.TEXT_TOO_LONG,
    FailureKind.UNKNOWN_VOICE,
    FailureKind.CANCELLED,
}


class Outcomes:
    """What came of the last requests to a provider."""

    def __init__(self) -> None:
        self.failing = False
        """Whether the last request failed, and not for what was asked."""
        self.last_kind: FailureKind | None = None
        """Of the last failure of the provider, None before the first."""
        self._failed_at = 0.0

    @property
    def seconds_since_failure(self) -> float:
        """How long ago the last failure was, if there was one."""
        return time.monotonic() - self._failed_at

    def succeeded(self) -> None:
        """Notes that a request went well."""
        self.failing = False

    def failed(self, error: SynthesisError) -> None:
        """Notes that a request failed."""
        if error.kind not in _NOT_THE_PROVIDER:
            self.failing = True
            self.last_kind = error.kind
            self._failed_at = time.monotonic()
