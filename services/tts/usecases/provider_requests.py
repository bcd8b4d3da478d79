"""One request to a provider: it waits for a slot, has a time limit, and its outcome is recorded."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import structlog
from opentelemetry.trace import SpanKind

from services.runtime import telemetry
from services.shared.audio.wav import BYTES_PER_SAMPLE
from services.tts import operational_metrics
from services.tts.domain import SynthesisError, Timing, Utterance
from services.tts.plausibility import check_not_too_long, check_not_too_short
from services.tts.providers.limits import SynthesisLimits, speak_within_limits
from services.tts.providers.registry import Provider

log = structlog.get_logger()


async def request_for_stream(
    provider: Provider, utterance: Utterance, timing: Timing, limits: SynthesisLimits, developer_id: str
) -> AsyncGenerator[bytes, None]:
    """Yields the audio of an utterance for a developer's stream. Raises Busy or SynthesisError."""
    async with (
        provider.slots.for_stream(developer_id),
        aclosing(_request(provider, utterance, timing, limits)) as audio,
    ):
        async for piece in audio:
            yield piece


async def request_for_job(
    provider: Provider,
    requester: str,
    utterance: Utterance,
    timing: Timing,
    limits: SynthesisLimits,
    record: Callable[[], Awaitable[None]],
) -> bytes:
    """Returns all audio of an utterance. Raises SynthesisError.

    `record` runs when the request has its slot, before the request is made.
    """
    async with provider.slots.for_job(requester):
        await record()
        with telemetry.span(f"ask {provider.id}", telemetry.current_traceparent(), SpanKind.CLIENT):
            async with aclosing(_request(provider, utterance, timing, limits)) as audio:
                return b"".join([piece async for piece in audio])


async def _request(
    provider: Provider, utterance: Utterance, timing: Timing, limits: SynthesisLimits
) -> AsyncGenerator[bytes, None]:
    """Makes the request and records its outcome. The caller holds a slot."""
    operational_metrics.REQUESTS.labels(provider.id).inc()
    try:
        async with (
            aclosing(speak_within_limits(provider.engine, utterance, timing, limits)) as audio,
            aclosing(_whole_samples(provider.id, utterance, timing, audio)) as checked,
        ):
            async for piece in checked:
                yield piece
    except SynthesisError as error:
        provider.slots.failed(error)
        provider.health.failed(error)
        operational_metrics.ERRORS.labels(provider.id, error.kind.value).inc()
        raise
    provider.slots.succeeded()
    provider.health.succeeded()
    if timing.sent_at is not None and timing.first_byte_at is not None:
        operational_metrics.TTFB_SECONDS.labels(provider.id).observe(timing.first_byte_at - timing.sent_at)


async def _whole_samples(
    provider_id: str, utterance: Utterance, timing: Timing, audio: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """Yields whole samples. Raises SynthesisError bad_audio if the audio is too long or too short for its text."""
    half, total = b"", 0
    async for piece in audio:
        piece = half + piece
        whole = len(piece) - len(piece) % BYTES_PER_SAMPLE
        half = piece[whole:]
        total += whole
        check_not_too_long(utterance, total / BYTES_PER_SAMPLE / timing.sample_rate_hz)
        if whole:
            yield piece[:whole] if half else piece
    if half:
        log.warning("half a sample at the end of the audio was left out", provider=provider_id)
    if total:
        check_not_too_short(utterance, total / BYTES_PER_SAMPLE / timing.sample_rate_hz)
