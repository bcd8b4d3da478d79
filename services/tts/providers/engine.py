"""What every provider is to the rest of tts."""

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence

from services.tts.domain import Capabilities, Timing, Utterance, Voice


class SpeechEngine(ABC):
    """One provider: what it can do, its voices, and speech from it.

    An engine keeps no count of requests: its caller holds one of `capabilities.max_concurrency` slots per utterance and
    watches the time, so that limits are kept in one place and alike for all.
    """

    capabilities: Capabilities

    async def start(self) -> None:
        """Makes ready what would slow the first utterance down. A provider that can't be used starts all the same, and
        says so in `unavailable_reason`."""
        return

    async def close(self) -> None:
        """Ends every process and connection of the engine."""
        return

    @abstractmethod
    def unavailable_reason(self) -> str | None:
        """Says in a sentence why the provider can't be used now and which setting or package would help; None if it
        can be used."""

    @abstractmethod
    async def voices(self) -> Sequence[Voice]:
        """Returns the provider's voices, the best first; SynthesisError if they can't be told now."""

    def default_voices(self) -> Sequence[Voice]:
        """Returns what can be offered while the provider has never told its voices."""
        return ()

    def voices_left_out(self) -> str:
        """Says how many voices `voices` left out of the provider's list and why; empty if none were."""
        return ""

    @abstractmethod
    def synthesize(self, utterance: Utterance, timing: Timing) -> AsyncGenerator[bytes, None]:
        """Yields signed 16-bit little-endian mono audio as it arrives, in non-empty pieces of any size.

        `timing.sample_rate_hz` is set before the first piece; the other notes as `Timing` says. Raises SynthesisError.
        Closing the generator, or cancelling who waits for it, stops the provider's work and leaves the engine usable.
        """


# An engine's own process needs the way to its code and nothing else: no key is in its environment.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")


def engine_environment() -> dict[str, str]:
    """Returns the environment of a process that an engine starts."""
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
