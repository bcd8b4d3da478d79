"""The interface of every speech engine."""

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence

from services.tts.domain import Capabilities, Timing, Utterance, Voice


class SpeechEngine(ABC):
    """One provider: its capabilities, its voices, and speech from it.

    An engine does not limit its requests or their time. Its caller holds one of `capabilities.max_concurrency` slots
    per utterance and applies the time limits, so that these rules are in one place for all engines.
    """

    capabilities: Capabilities

    async def start(self) -> None:
        """Prepares what would delay the first utterance.

        Does not fail if the provider can't be used; `unavailable_reason` then says why.
        """
        return

    async def close(self) -> None:
        """Ends all processes and connections of the engine."""
        return

    @abstractmethod
    def unavailable_reason(self) -> str | None:
        """Returns why the provider can't be used now and which setting or package would help, None if it can be used.

        The text is a clause that follows "espeak can't be used: ".
        """

    @abstractmethod
    async def voices(self) -> Sequence[Voice]:
        """Returns the provider's voices, the best first. Raises SynthesisError if they cannot be listed now."""

    def default_voices(self) -> Sequence[Voice]:
        """Returns the voices to offer until the provider has listed its own."""
        return ()

    def voices_left_out(self) -> str:
        """Returns how many voices `voices` left out of the provider's list and why, an empty string if none."""
        return ""

    @abstractmethod
    def synthesize(self, utterance: Utterance, timing: Timing) -> AsyncGenerator[bytes, None]:
        """Yields signed 16-bit little-endian mono audio as it arrives, in non-empty pieces of any size.

        Sets `timing.sample_rate_hz` before the first piece, and the other fields as `Timing` says. Raises
        SynthesisError. Closing the generator, or cancelling the task that waits for it, stops the provider's work and
        leaves the engine usable.
        """


# A process of an engine gets only what it needs to find its code. No API key is in its environment.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")


def engine_environment() -> dict[str, str]:
    """Returns the environment of a process that an engine starts."""
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
