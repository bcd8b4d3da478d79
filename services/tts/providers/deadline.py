"""Holds an engine to its time and its size."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.providers.engine import SpeechEngine


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an engine is waited for, in seconds. Time in which nobody asks it for more does not count."""

    first_byte_seconds: float
    whole_seconds: float
    largest_audio_bytes: int = 64 * 1024 * 1024
    """Over 20 minutes at 24 kHz, far more than the longest text takes: only an engine gone wild comes here."""


async def speak_in_time(
    engine: SpeechEngine, utterance: Utterance, timing: Timing, patience: Patience
) -> AsyncGenerator[bytes, None]:
    """Yields what the engine yields; SynthesisError timed_out or bad_audio if it is too slow or does not end.

    However this ends, the engine's own generator is closed before.
    """
    left, received = patience.whole_seconds, 0
    loop = asyncio.get_running_loop()
    async with aclosing(engine.synthesize(utterance, timing)) as audio:
        while True:
            limit = left if received else min(patience.first_byte_seconds, left)
            started = loop.time()
            try:
                async with asyncio.timeout(limit):
                    piece = await anext(audio, None)
            except TimeoutError:
                raise SynthesisError(
                    FailureKind.TIMED_OUT,
                    f"{engine.capabilities.id} was still speaking after {patience.whole_seconds:g} s"
                    if received
                    else f"{engine.capabilities.id} gave no audio within {limit:g} s",
                ) from None
            left = max(left - (loop.time() - started), 0.0)
            if piece is None:
                return
            received += len(piece)
            if received > patience.largest_audio_bytes:
                raise SynthesisError(
                    FailureKind.BAD_AUDIO,
                    f"{engine.capabilities.id} gave more than {patience.largest_audio_bytes // 2**20} MiB of audio",
                )
            yield piece
