"""Speech for who listens: as it is made, and as it was kept."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from services.runtime.errors import FieldViolation, InvalidInput, NotFound, SynthesisFailed
from services.runtime.identity import Identity, nobody
from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.object_names import job_of_audio
from services.tts.speech_buffer import Sink, SpeechBuffer, buffered
from services.tts.usecases.asking import ask_for_stream
from services.tts.usecases.studio import Studio, checked


async def speak(
    studio: Studio, provider_id: str, utterance: Utterance, developer_id: str
) -> AsyncGenerator[tuple[int, bytes], None]:
    """Yields sample rate in Hz and audio, as it is made; nothing is stored.

    Before the first audio it raises InvalidInput, Busy or SynthesisFailed, later DeadlineExceeded if the audio is not
    read. Closing it stops the provider's work.
    """
    try:
        provider = await studio.providers.usable(provider_id)
    except SynthesisError as error:
        others = ", ".join(each.id for each in studio.providers.all() if not each.unavailable_reason)
        raise InvalidInput(FieldViolation("provider", f"{error.message}; can be used: {others or 'none'}")) from error
    utterance = checked(provider, utterance)
    studio.speech_space.check(developer_id)
    buffer = SpeechBuffer(studio.speech_space, developer_id, lambda: provider.slots.waiting > 0)
    timing = Timing()
    try:

        async def fill(sink: Sink) -> None:
            async with aclosing(ask_for_stream(provider, utterance, timing, studio.patience, developer_id)) as audio:
                async for piece in audio:
                    await sink(piece)

        async with aclosing(buffered(fill, buffer)) as pieces:
            async for piece in pieces:
                yield timing.sample_rate_hz, piece
        if timing.first_byte_at is None:
            raise SynthesisError(FailureKind.BAD_AUDIO, "the provider answered without any audio")
    except SynthesisError as error:
        raise SynthesisFailed(error.message, kind=error.kind.value, provider=provider_id) from error


async def open_audio(
    studio: Studio, name: str, caller: Identity | None, link: tuple[int, str] | None
) -> AsyncIterator[bytes]:
    """Returns the pieces of a stored WAV; raises as `check_audio` does."""
    await check_audio(studio, name, caller, link)
    return studio.results.open(name)


async def check_audio(studio: Studio, name: str, caller: Identity | None, link: tuple[int, str] | None) -> None:
    """Raises unless a WAV is stored and may be heard: by a signed link (expiry and signature), or by its owner.

    NotFound if there is none or it is somebody else's; Unauthenticated if the link is not good, or there is neither
    link nor caller.
    """
    job_id = job_of_audio(name)
    if job_id is None:
        raise NotFound("audio", name[:200])
    if link is not None:
        studio.links.verify(name, *link)
    elif caller is None:
        raise nobody("audio needs the whole link, with expires and signature, or its owner's API key")
    speech = await studio.results.find(job_id)
    if speech is None or (link is None and caller is not None and speech.developer_id != caller.developer_id):
        raise NotFound("audio", name)
