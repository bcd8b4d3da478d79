"""A scripted speech engine with the interface of the real engines."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from services.tts.domain import Capabilities, SynthesisError, Timing, Utterance, Voice
from services.tts.providers.engine import SpeechEngine
from tests.fakes.openai_server import SAMPLE_RATE_HZ, tone


class ScriptedEngine(SpeechEngine):
    """Speaks a tone. `failures` are raised first, one for each request. `fault` makes it unavailable.

    While `hold` is not set, it stops after the first piece. `utterances` are the utterances of its requests.
    """

    def __init__(self, provider_id: str = "fake", *, max_concurrency: int = 2, audio: bytes | None = None) -> None:
        self.capabilities = Capabilities(
            provider_id, provider_id.title(), True, True, 1000, max_concurrency, frozenset({"speed"})
        )
        self.audio = tone(0.5, 0.1) if audio is None else audio
        self.failures: list[SynthesisError] = []
        self.fault: str | None = None
        self.starts = 0
        self.utterances: list[Utterance] = []
        self.running = 0
        self.max_running = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self.closed = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1

    def unavailable_reason(self) -> str | None:
        return self.fault

    async def voices(self) -> Sequence[Voice]:
        names = ("ann", "bob", "cleo")
        provider = self.capabilities.id
        return [Voice(provider, name, name.title(), ("en",), "m1", SAMPLE_RATE_HZ) for name in names]

    async def synthesize(self, utterance: Utterance, timing: Timing) -> AsyncGenerator[bytes, None]:
        self.utterances.append(utterance)
        self.running += 1
        self.max_running = max(self.max_running, self.running)
        try:
            if self.failures:
                raise self.failures.pop(0)
            timing.sample_rate_hz, timing.transport, timing.sent_at = SAMPLE_RATE_HZ, "test", 100.0
            for start in range(0, len(self.audio), 4800):
                timing.received(100.1 + start / 48000)
                yield self.audio[start : start + 4800]
                await asyncio.sleep(0)
                await self.hold.wait()
        finally:
            self.running -= 1
            self.closed.set()
