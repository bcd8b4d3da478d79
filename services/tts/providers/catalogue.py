"""Which engines an installation has, by its settings."""

from collections.abc import Iterator

from services.tts.providers.engine import SpeechEngine
from services.tts.providers.espeak import EspeakEngine
from services.tts.providers.flite import FliteEngine
from services.tts.providers.openai_compatible import Endpoint, OpenAiCompatibleEngine
from services.tts.settings import OPENAI_URL, TtsSettings


def engines_of(settings: TtsSettings) -> Iterator[SpeechEngine]:
    """Yields every engine that is known, those too that can't be used as things are."""
    yield EspeakEngine(settings.espeak_concurrency)
    yield FliteEngine(settings.flite_concurrency)
    yield OpenAiCompatibleEngine(_openai(settings))
    for server in settings.openai_compatible:
        yield OpenAiCompatibleEngine(
            Endpoint(
                id=server.id,
                display_name=server.display_name or server.id,
                base_url=server.base_url,
                api_key=server.api_key.get_secret_value() if server.api_key else "",
                model=server.model,
                voices=server.voices,
                sample_rate_hz=server.sample_rate,
                max_concurrency=server.max_concurrency,
                local=server.local,
            )
        )


def _openai(settings: TtsSettings) -> Endpoint:
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    usable = bool(key or settings.openai_base_url)
    return Endpoint(
        id="openai",
        display_name="OpenAI",
        base_url=settings.openai_base_url or OPENAI_URL,
        api_key=key,
        model=settings.openai_model,
        voices=settings.openai_voices,
        sample_rate_hz=settings.openai_sample_rate,
        max_concurrency=settings.openai_concurrency,
        missing=None if usable else "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none",
    )
