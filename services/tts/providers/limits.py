"""The limits on the time and the size of one synthesis."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.providers.engine import SpeechEngine


@dataclass(frozen=True, slots=True)
class SynthesisLimits:
    """The limits on one synthesis. The time in which the consumer does not ask for more audio does not count."""

    first_byte_timeout_seconds: float
    timeout_seconds: float
    max_audio_bytes: int = 64 * 1024 * 1024
    """More than 20 minutes at 24 kHz, far more than the longest text needs. Only a faulty engine reaches it."""


async def speak_within_limits(
    engine: SpeechEngine, utterance: Utterance, timing: Timing, limits: SynthesisLimits
) -> AsyncGenerator[bytes, None]:
    """Yields what the engine yields. Raises SynthesisError timed_out if it is too slow, bad_audio if it sends too much.

    The engine's generator is closed in every case.
    """
    left, received = limits.timeout_seconds, 0
    loop = asyncio.get_running_loop()
    async with aclosing(engine.synthesize(utterance, timing)) as audio:
        while True:
            limit = left if received else min(limits.first_byte_timeout_seconds, left)
            started = loop.time()
            try:
                async with asyncio.timeout(limit):
                    piece = await anext(audio, None)
            except TimeoutError:
                raise SynthesisError(
                    FailureKind.TIMED_OUT,
                    f"{engine.capabilities.id} had not sent all audio after {limits.timeout_seconds:g} s"
                    if received
                    else f"{engine.capabilities.id} sent no audio within {limit:g} s",
                ) from None
            left = max(left - (loop.time() - started), 0.0)
            if piece is None:
                return
            received += len(piece)
            if received > limits.max_audio_bytes:
                raise SynthesisError(
                    FailureKind.BAD_AUDIO,
                    f"{engine.capabilities.id} sent more than {limits.max_audio_bytes // 2**20} MiB of audio",
                )
            yield piece
