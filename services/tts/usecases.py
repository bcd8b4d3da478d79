"""What tts does, one function per verb."""

import asyncio
import random
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from services.runtime.errors import CredentialsMissing, FieldViolation, InvalidInput, NotFound, SynthesisFailed
from services.runtime.identity import Identity
from services.tts import wav
from services.tts.audio_results import AudioResults
from services.tts.domain import (
    Fact,
    FailureKind,
    GivenUp,
    Job,
    StoredSpeech,
    SynthesisError,
    Synthesized,
    Timing,
    Utterance,
    Voice,
    VoicesFound,
    find_voice,
    is_job_id,
    job_of_audio,
    retry_delay,
    violations_of,
)
from services.tts.measurement import measure
from services.tts.providers.deadline import Patience, speak_in_time
from services.tts.providers.registry import Provider, Providers
from services.tts.speech_buffer import Sink, buffered

log = structlog.get_logger()


class Links(Protocol):
    """Checks signed links."""

    def verify(self, name: str, expires: int, signature: str) -> None:
        """Raises Unauthenticated if the link was changed or has expired."""


@dataclass(frozen=True, slots=True)
class Studio:
    """What the use cases work with. `publish` makes a fact known, or raises; `sleep` and `jitter` pace retries."""

    providers: Providers
    results: AudioResults
    links: Links
    publish: Callable[[Fact], Awaitable[None]]
    patience: Patience
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: random.Random = field(default_factory=random.Random)
    jobs: weakref.WeakValueDictionary[str, asyncio.Lock] = field(default_factory=weakref.WeakValueDictionary)
    """Jobs in hand, so that one asked for twice at once is done once."""


async def list_voices(studio: Studio, provider_id: str) -> list[Voice]:
    """Returns the voices of one provider, or of all that can be used; InvalidInput if the provider is unknown."""
    chosen = [studio.providers.get(provider_id)] if provider_id else studio.providers.all()
    return [voice for provider in chosen if not provider.unavailable_reason for voice in provider.voices]


async def discover_voices(studio: Studio) -> None:
    """Asks every provider for its voices and makes those of the available ones known."""
    await studio.providers.refresh()
    told = []
    for provider in studio.providers.all():
        if provider.unavailable_reason:
            log.info("a provider can't be used", provider=provider.id, reason=provider.unavailable_reason)
        elif provider.voices:
            told.append(provider)
    told_ids = tuple(provider.id for provider in told)
    for provider in told:
        await studio.publish(VoicesFound(provider.engine.capabilities, tuple(provider.voices), told_ids))


async def speak(studio: Studio, provider_id: str, utterance: Utterance) -> AsyncGenerator[tuple[int, bytes], None]:
    """Yields sample rate in Hz and audio, as it is made; nothing is stored.

    Before the first audio it raises InvalidInput, Busy or SynthesisFailed. Closing it stops the provider's work.
    """
    try:
        provider = await studio.providers.usable(provider_id)
    except SynthesisError as error:
        others = ", ".join(each.id for each in studio.providers.all() if not each.unavailable_reason)
        raise InvalidInput(FieldViolation("provider", f"{error.message}; can be used: {others or 'none'}")) from error
    utterance = _checked(provider, utterance)
    timing = Timing()
    try:

        async def fill(sink: Sink) -> None:
            async with (
                provider.slots.for_stream(),
                aclosing(speak_in_time(provider.engine, utterance, timing, studio.patience)) as audio,
            ):
                async for piece in audio:
                    await sink(piece)

        async with aclosing(buffered(fill)) as pieces:
            async for piece in pieces:
                yield timing.sample_rate_hz, piece
        if timing.first_byte_at is None:
            raise SynthesisError(FailureKind.BAD_AUDIO, "the provider answered without any audio")
    except SynthesisError as error:
        raise SynthesisFailed(error.message, kind=error.kind.value, provider=provider_id) from error


async def synthesize(studio: Studio, job: Job) -> None:
    """Speaks a job's text, keeps the audio and makes the outcome known, failure too.

    A job that has its result already is answered with it, and no provider is asked. Raises only for what is not the
    provider's fault (the store or the bus can't be reached), so that the job comes again.
    """
    lock = studio.jobs.setdefault(job.job_id, asyncio.Lock())
    async with lock:
        try:
            await studio.publish(Synthesized(job, await _result(studio, job)))
        except InvalidInput as error:
            await give_up(studio, job, FailureKind.INVALID_REQUEST, error.message)
        except SynthesisError as error:
            await give_up(studio, job, error.kind, error.message)


async def give_up(studio: Studio, job: Job, kind: FailureKind, message: str) -> None:
    """Makes known that a job gave no usable audio."""
    log.warning(
        "a synthesis failed",
        job_id=job.job_id,
        attempt=job.attempt,
        provider=job.provider,
        voice_id=job.utterance.voice_id,
        kind=kind.value,
        reason=message,
    )
    await studio.publish(GivenUp(job, kind, message))


async def open_audio(
    studio: Studio, name: str, caller: Identity | None, link: tuple[int, str] | None
) -> AsyncIterator[bytes]:
    """Returns the pieces of a stored WAV, for who has a signed link (expiry and signature) or is its owner.

    NotFound if there is none or it is somebody else's; Unauthenticated if the link is not good, or there is neither
    link nor caller.
    """
    job_id = job_of_audio(name)
    if job_id is None:
        raise NotFound("audio", name[:200])
    if link is not None:
        studio.links.verify(name, *link)
    elif caller is None:
        raise CredentialsMissing("audio needs the whole link, with expires and signature, or its owner's API key")
    speech = await studio.results.find(job_id)
    if speech is None or (link is None and caller is not None and speech.developer_id != caller.developer_id):
        raise NotFound("audio", name)
    return studio.results.open(name)


async def _result(studio: Studio, job: Job) -> StoredSpeech:
    if not is_job_id(job.job_id):
        raise SynthesisError(FailureKind.INVALID_REQUEST, "job_id must be letters, digits, _ and -, at most 100")
    known = await studio.results.find(job.job_id)
    if known is not None:
        if known.developer_id != job.developer_id:
            raise SynthesisError(FailureKind.INVALID_REQUEST, f"job {job.job_id} is another developer's")
        return known
    provider = await studio.providers.usable(job.provider)
    utterance = _checked(provider, job.utterance)
    pcm, timing = await _spoken(studio, provider, utterance)
    # Off the loop, so that measuring one utterance does not delay the clock of another.
    measurements = await asyncio.to_thread(measure, pcm, timing)
    speech = StoredSpeech(job.job_id, job.developer_id, provider.id, utterance.voice_id, job.attempt, measurements)
    await studio.results.keep(speech, wav.encode(pcm, timing.sample_rate_hz))
    return speech


def _checked(provider: Provider, utterance: Utterance) -> Utterance:
    """Returns the utterance with voice and model filled in; InvalidInput that names every bad field."""
    found = violations_of(utterance, provider.engine.capabilities)
    try:
        voice = find_voice(provider.voices, utterance.voice_id, provider.id)
    except InvalidInput as error:
        raise InvalidInput(*found, *error.violations) from None
    if found:
        raise InvalidInput(*found)
    return replace(utterance, voice_id=voice.voice_id, model_id=utterance.model_id or voice.model_id)


async def _spoken(studio: Studio, provider: Provider, utterance: Utterance) -> tuple[bytes, Timing]:
    """Returns all audio of an utterance, tried again where that can help; the slot is free between tries."""
    tries = 0
    while True:
        tries += 1
        timing = Timing()
        try:
            async with (
                provider.slots.for_job(),
                aclosing(speak_in_time(provider.engine, utterance, timing, studio.patience)) as audio,
            ):
                return b"".join([piece async for piece in audio]), timing
        except SynthesisError as error:
            delay = retry_delay(tries, error, studio.jitter)
            if delay is None:
                raise
            log.info("a synthesis is tried again", provider=provider.id, reason=error.message, delay_seconds=delay)
            await studio.sleep(delay)
