"""One request to a provider: in its turn and within its time. Slots and metrics learn how it went."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import structlog
from opentelemetry.trace import SpanKind

from services.runtime import telemetry
from services.shared.audio.wav import BYTES_PER_SAMPLE
from services.tts import metrics
from services.tts.domain import SynthesisError, Timing, Utterance
from services.tts.plausibility import check_longest, check_shortest
from services.tts.providers.deadline import Patience, speak_in_time
from services.tts.providers.registry import Provider

log = structlog.get_logger()


async def ask_for_stream(
    provider: Provider, utterance: Utterance, timing: Timing, patience: Patience, developer_id: str
) -> AsyncGenerator[bytes, None]:
    """Yields audio for a developer who waits for it; Busy or SynthesisError."""
    async with (
        provider.slots.for_stream(developer_id),
        aclosing(_ask(provider, utterance, timing, patience)) as audio,
    ):
        async for piece in audio:
            yield piece


async def ask_for_job(
    provider: Provider,
    requester: str,
    utterance: Utterance,
    timing: Timing,
    patience: Patience,
    record: Callable[[], Awaitable[None]],
) -> bytes:
    """Returns all audio of an utterance; SynthesisError. `record` runs once it is this request's turn, before it."""
    async with provider.slots.for_job(requester):
        await record()
        with telemetry.span(f"ask {provider.id}", telemetry.current_traceparent(), SpanKind.CLIENT):
            async with aclosing(_ask(provider, utterance, timing, patience)) as audio:
                return b"".join([piece async for piece in audio])


async def _ask(
    provider: Provider, utterance: Utterance, timing: Timing, patience: Patience
) -> AsyncGenerator[bytes, None]:
    """Asks while a slot is held; the slots and the metrics learn how it went."""
    metrics.REQUESTS.labels(provider.id).inc()
    try:
        async with (
            aclosing(speak_in_time(provider.engine, utterance, timing, patience)) as audio,
            aclosing(_checked(provider.id, utterance, timing, audio)) as checked,
        ):
            async for piece in checked:
                yield piece
    except SynthesisError as error:
        provider.slots.failed(error)
        provider.outcomes.failed(error)
        metrics.ERRORS.labels(provider.id, error.kind.value).inc()
        raise
    provider.slots.succeeded()
    provider.outcomes.succeeded()
    if timing.sent_at is not None and timing.first_byte_at is not None:
        metrics.TTFB_SECONDS.labels(provider.id).observe(timing.first_byte_at - timing.sent_at)


async def _checked(
    provider_id: str, utterance: Utterance, timing: Timing, audio: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """Yields whole samples. Raises SynthesisError bad_audio if there are more or fewer than the text can take."""
    half, total = b"", 0
    async for piece in audio:
        piece = half + piece
        whole = len(piece) - len(piece) % BYTES_PER_SAMPLE
        half = piece[whole:]
        total += whole
        check_longest(utterance, total / BYTES_PER_SAMPLE / timing.sample_rate_hz)
        if whole:
            yield piece[:whole] if half else piece
    if half:
        log.warning("half a sample at the end of the audio was left out", provider=provider_id)
    if total:
        check_shortest(utterance, total / BYTES_PER_SAMPLE / timing.sample_rate_hz)
