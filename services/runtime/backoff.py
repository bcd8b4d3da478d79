"""How long to wait before something is tried again. It imports the standard library only, as domain code may use it."""

import random
from collections.abc import Callable
from dataclasses import dataclass

# Background work that breaks every ten seconds is begun anew a thousand times in three hours, and two to that power is
# no float any more. So many doublings of any delay in use are past its longest.
MAX_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that double from the first to the longest.

    Each is longer by up to a share of itself at random, `jitter`, so that what failed together does not come back
    together.
    """

    first_seconds: float
    max_seconds: float
    jitter: float = 0.0

    def seconds(self, tries: int, random: Callable[[], float] = random.random) -> float:
        """Returns the delay after so many tries, which is at least 1. `random` gives numbers from 0 to 1."""
        doubled = self.first_seconds * 2.0 ** min(tries - 1, MAX_DOUBLINGS)
        return min(doubled * (1 + self.jitter * random()), self.max_seconds)
