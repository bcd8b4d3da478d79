"""Builds the engines of an installation from its settings."""

from collections.abc import Callable, Iterator, Mapping

from pydantic import SecretStr

from services.tts.providers.cartesia import CartesiaEngine
from services.tts.providers.deepgram import DeepgramEngine
from services.tts.providers.elevenlabs import ElevenLabsEngine
from services.tts.providers.engine import SpeechEngine
from services.tts.providers.espeak import EspeakEngine
from services.tts.providers.flite import FliteEngine
from services.tts.providers.hosted import ProviderAccount
from services.tts.providers.openai_compatible import OpenAiCompatibleEngine, SpeechEndpoint
from services.tts.providers.smallestai import SmallestAiEngine
from services.tts.settings import OPENAI_URL, OPENAI_VOICES, TtsSettings

HOSTED: Mapping[str, Callable[[ProviderAccount], SpeechEngine]] = {
    "cartesia": CartesiaEngine,
    "elevenlabs": ElevenLabsEngine,
    "smallestai": SmallestAiEngine,
    "deepgram": DeepgramEngine,
}
"""The providers with an account. The names of their settings begin with the key."""


def configured_engines(settings: TtsSettings) -> Iterator[SpeechEngine]:
    """Yields every engine, also those that can't be used with these settings."""
    yield EspeakEngine(settings.espeak_concurrency)
    yield FliteEngine(settings.flite_concurrency)
    for provider, engine in HOSTED.items():
        yield engine(_account(settings, provider))
    yield OpenAiCompatibleEngine(_openai(settings))
    for server in settings.openai_compatible:
        yield OpenAiCompatibleEngine(
            SpeechEndpoint(
                id=server.id,
                display_name=server.display_name or server.id,
                base_url=server.base_url,
                api_key=_plain(server.api_key),
                model=server.model,
                voices=server.voices or (),
                sample_rate_hz=server.sample_rate,
                max_concurrency=server.max_concurrency,
                local=server.local,
            )
        )


def _account(settings: TtsSettings, provider: str) -> ProviderAccount:
    names = ("api_key", "base_url", "model", "voices", "concurrency")
    api_key, *others = (getattr(settings, f"{provider}_{name}") for name in names)
    return ProviderAccount(_plain(api_key), *others)


def _openai(settings: TtsSettings) -> SpeechEndpoint:
    key = _plain(settings.openai_api_key)
    usable = bool(key or settings.openai_base_url)
    return SpeechEndpoint(
        id="openai",
        display_name="OpenAI",
        base_url=settings.openai_base_url or OPENAI_URL,
        api_key=key,
        model=settings.openai_model,
        # OpenAI has no route that lists its voices.
        voices=settings.openai_voices or (() if settings.openai_base_url else OPENAI_VOICES),
        sample_rate_hz=settings.openai_sample_rate,
        max_concurrency=settings.openai_concurrency,
        missing=None if usable else "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs no key",
    )


def _plain(key: SecretStr | None) -> str:
    return key.get_secret_value() if key else ""
