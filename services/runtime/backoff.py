"""Delays between retries. This module imports the standard library only, so that domain code can import it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

# Background work that fails every ten seconds is restarted a thousand times in three hours, and 2.0**1024 overflows.
# After 64 doublings any delay in use is above its maximum.
MAX_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that double from `first_seconds` to `max_seconds`.

    Each delay is extended at random by up to the share `jitter`, so that work that failed together is not retried
    together. It never exceeds `max_seconds`.
    """

    first_seconds: float
    max_seconds: float
    jitter: float = 0.0

    def seconds(self, attempt: int, random: Callable[[], float] = random.random) -> float:
        """Returns the delay after an attempt, whose number starts at 1. `random` returns numbers from 0 to 1."""
        doubled = self.first_seconds * 2.0 ** min(attempt - 1, MAX_DOUBLINGS)
        return min(doubled * (1 + self.jitter * random()), self.max_seconds)
