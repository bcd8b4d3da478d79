"""Speech that is streamed while it is made, and not stored."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from services.runtime.errors import FieldViolation, InvalidInput, SynthesisFailed
from services.tts.domain import FailureKind, SynthesisError, Timing, Utterance
from services.tts.providers.limits import SynthesisLimits
from services.tts.providers.registry import ProviderRegistry
from services.tts.speech_buffer import Sink, SpeechBuffer, StreamMemory, buffered
from services.tts.usecases.provider_requests import request_for_stream
from services.tts.utterances import validated


class Speech:
    """The use case over the providers."""

    def __init__(self, providers: ProviderRegistry, limits: SynthesisLimits) -> None:
        self._providers = providers
        self._limits = limits
        self._memory = StreamMemory()

    async def speak(
        self, provider_id: str, utterance: Utterance, developer_id: str
    ) -> AsyncGenerator[tuple[int, bytes], None]:
        """Yields pairs of the sample rate in Hz and audio, while the audio is made.

        Raises InvalidInput or Busy before the first audio, SynthesisFailed at any time, and DeadlineExceeded if the
        caller does not read the audio in time. Closing the generator stops the provider's work.
        """
        try:
            provider = await self._providers.usable(provider_id)
        except SynthesisError as error:
            others = ", ".join(each.id for each in self._providers.all() if not each.unavailable_reason)
            message = f"{error.message}; available providers: {others or 'none'}"
            raise InvalidInput.of(FieldViolation("provider", message)) from error
        utterance = validated(utterance, provider.engine.capabilities, provider.voices)
        self._memory.check(developer_id)
        buffer = SpeechBuffer(self._memory, developer_id, lambda: provider.slots.waiting > 0)
        timing = Timing()
        try:

            async def fill(sink: Sink) -> None:
                response = request_for_stream(provider, utterance, timing, self._limits, developer_id)
                async with aclosing(response) as audio:
                    async for piece in audio:
                        await sink(piece)

            async with aclosing(buffered(fill, buffer)) as pieces:
                async for piece in pieces:
                    yield timing.sample_rate_hz, piece
            if timing.first_byte_at is None:
                raise SynthesisError(FailureKind.BAD_AUDIO, "The provider returned no audio")
        except SynthesisError as error:
            raise SynthesisFailed(error.message, kind=error.kind.value, provider=provider_id) from error
