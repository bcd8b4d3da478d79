"""Speech that is streamed while it is made, and not kept."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from services.runtime.errors import FieldViolation, InvalidInput, SynthesisFailed
from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.providers.deadline import Patience
from services.tts.providers.registry import Providers
from services.tts.speech_buffer import Sink, SpeechBuffer, SpeechSpace, buffered
from services.tts.usecases.asking import ask_for_stream
from services.tts.utterances import completed


class Speech:
    """The use case over the providers."""

    def __init__(self, providers: Providers, patience: Patience) -> None:
        self._providers = providers
        self._patience = patience
        self._space = SpeechSpace()

    async def speak(
        self, provider_id: str, utterance: Utterance, developer_id: str
    ) -> AsyncGenerator[tuple[int, bytes], None]:
        """Yields sample rate in Hz and audio, as it is made; nothing is stored.

        Before the first audio it raises InvalidInput, Busy or SynthesisFailed, later DeadlineExceeded if the audio is
        not read. Closing it stops the provider's work.
        """
        try:
            provider = await self._providers.usable(provider_id)
        except SynthesisError as error:
            others = ", ".join(each.id for each in self._providers.all() if not each.unavailable_reason)
            message = f"{error.message}; can be used: {others or 'none'}"
            raise InvalidInput.of(FieldViolation("provider", message)) from error
        utterance = completed(utterance, provider.engine.capabilities, provider.voices)
        self._space.check(developer_id)
        buffer = SpeechBuffer(self._space, developer_id, lambda: provider.slots.waiting > 0)
        timing = Timing()
        try:

            async def fill(sink: Sink) -> None:
                asked = ask_for_stream(provider, utterance, timing, self._patience, developer_id)
                async with aclosing(asked) as audio:
                    async for piece in audio:
                        await sink(piece)

            async with aclosing(buffered(fill, buffer)) as pieces:
                async for piece in pieces:
                    yield timing.sample_rate_hz, piece
            if timing.first_byte_at is None:
                raise SynthesisError(FailureKind.BAD_AUDIO, "the provider answered without any audio")
        except SynthesisError as error:
            raise SynthesisFailed(error.message, kind=error.kind.value, provider=provider_id) from error
