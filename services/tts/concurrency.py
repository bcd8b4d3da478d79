"""How many requests one provider is given at a time, by what it answered so far."""

from services.tts.domain import MAX_RETRY_AFTER_SECONDS, RETRIES, SynthesisError

# Requests that must go well before one more at a time is tried: often enough to come back within minutes, seldom enough
# that a provider that stays full refuses few.
SUCCESSES_TO_GROW = 20


class ProviderLimit:
    """How many requests one provider is given at a time: at most what is configured, less while it is full."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._successes = 0
        self.now = most

    def succeeded(self) -> None:
        """Notes that a request went well; the limit grows by one once enough did since the provider was last full."""
        self._successes += 1
        if self._successes >= SUCCESSES_TO_GROW:
            self._successes = 0
            self.now = min(self.now + 1, self._most)

    def failed(self, error: SynthesisError, under_way: int) -> None:
        """Notes a failure while `under_way` requests, this one included, were made at a time.

        A provider that is full takes fewer than that, or as many as it says.
        """
        if error.concurrency_full:
            self._successes = 0
            takes = under_way - 1 if error.allowed_concurrency is None else error.allowed_concurrency
            self.now = max(min(self.now, takes), 1)


def pause_seconds(error: SynthesisError) -> float:
    """Returns how long a provider that failed so is given nothing more: as it asks, up to 120 s.

    One that asks for more gets 20 s: the job is given up, and the others find out for themselves. A place at a provider
    that is full comes free when another request ends, so that is not waited for in time.
    """
    asked = error.retry_after or 0.0
    if error.concurrency_full:
        return 0.0
    return asked if asked <= MAX_RETRY_AFTER_SECONDS else RETRIES.max_seconds
