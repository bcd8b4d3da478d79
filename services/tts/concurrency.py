"""The concurrency limit of one provider, which follows the provider's responses."""

from services.tts.domain import MAX_RETRY_AFTER_SECONDS, RETRIES, SynthesisError

# Requests that must succeed before the limit grows by one. Small enough to recover within minutes, large enough that a
# provider that stays at its limit refuses few requests.
SUCCESSES_TO_GROW = 20


class ConcurrencyLimit:
    """How many requests one provider gets at the same time: the configured number, or fewer while it refuses more."""

    def __init__(self, max_concurrency: int) -> None:
        self._max_concurrency = max_concurrency
        self._successes = 0
        self.current = max_concurrency

    def succeeded(self) -> None:
        """Records a success. The limit grows by one after 20 successes without a refusal for concurrency."""
        self._successes += 1
        if self._successes >= SUCCESSES_TO_GROW:
            self._successes = 0
            self.current = min(self.current + 1, self._max_concurrency)

    def failed(self, error: SynthesisError, running: int) -> None:
        """Records a failure while `running` requests, including this one, were in progress.

        A provider that refused for concurrency allows fewer than that, or the number that it states.
        """
        if error.concurrency_full:
            self._successes = 0
            allowed = running - 1 if error.allowed_concurrency is None else error.allowed_concurrency
            self.current = max(min(self.current, allowed), 1)


def pause_seconds(error: SynthesisError) -> float:
    """Returns for how many seconds a provider that failed with this error gets no requests.

    It is the provider's `Retry-After` up to 120 s. For a longer one it is 20 s: the job fails, and other jobs try the
    provider again. It is 0 if the provider is at its concurrency limit, because a request that ends makes the next one
    possible.
    """
    requested = error.retry_after or 0.0
    if error.concurrency_full:
        return 0.0
    return requested if requested <= MAX_RETRY_AFTER_SECONDS else RETRIES.max_seconds
