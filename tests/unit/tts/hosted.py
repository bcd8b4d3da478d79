"""The hosted providers in tests: each engine with the stand-in that it uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from services.tts.domain import FailureKind, SpeechParameters, SynthesisError, Timing, Utterance
from services.tts.providers.cartesia import CartesiaEngine
from services.tts.providers.deepgram import DeepgramEngine
from services.tts.providers.elevenlabs import ElevenLabsEngine
from services.tts.providers.engine import SpeechEngine
from services.tts.providers.hosted import ProviderAccount
from services.tts.providers.openai_compatible import OpenAiCompatibleEngine, SpeechEndpoint
from services.tts.providers.smallestai import SmallestAiEngine
from tests.fakes import cartesia_server, deepgram_server, elevenlabs_server, openai_server, smallestai_server
from tests.fakes.speech_server import SpeechServer

KEY = "sk_live/9fQ2+Zr7Wm4TxB81LdKc"
HELLO = "Hello."


@dataclass(frozen=True)
class HostedCase:
    """One provider.

    `sent` is the body that its stand-in receives for HELLO by the voice `steady`. `sent_for_every_parameter` are the
    fields that `every_parameter` adds.
    """

    name: str
    server: type[SpeechServer]
    engine: Callable[[str, str], SpeechEngine]
    sent: Mapping[str, object]
    every_parameter: SpeechParameters
    sent_for_every_parameter: Mapping[str, object]
    valid: tuple[str, Mapping[str, str]]
    """Path with query, and headers without the API key, of a valid request for HELLO by `steady`."""
    auth: Callable[[str], Mapping[str, str]]
    errors: Mapping[str, tuple[FailureKind, str]]
    """The kind and the start of the message, after the provider's name, for each error of the stand-in."""
    voice: Callable[[str], str] = field(default=lambda behaviour: behaviour)

    def __str__(self) -> str:
        return self.name


def _bearer(key: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {key}"}


def _account(key: str, url: str, model: str) -> ProviderAccount:
    return ProviderAccount(key, url, model, ("trickle", "steady"), 2)


_K = FailureKind
CARTESIA = HostedCase(
    name="Cartesia",
    server=cartesia_server.CartesiaServer,
    engine=lambda url, key: CartesiaEngine(_account(key, url, cartesia_server.MODEL)),
    sent={
        "model_id": "sonic-3",
        "transcript": HELLO,
        "voice": {"mode": "id", "id": "steady"},
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000},
    },
    every_parameter=SpeechParameters(speed=1.25, language="en-GB"),
    sent_for_every_parameter={"language": "en-GB", "generation_config": {"speed": 1.25}},
    valid=("/tts/bytes", {"cartesia-version": "2026-08-14"}),
    auth=_bearer,
    errors={
        "payment": (_K.QUOTA_EXCEEDED, "returned HTTP 402: Your plan's credits are used up"),
        "spent": (_K.QUOTA_EXCEEDED, "returned HTTP 402: Your plan's credits are used up"),
        "limited": (_K.RATE_LIMITED, "returned HTTP 429: Too many requests per second"),
        "full": (_K.RATE_LIMITED, "returned HTTP 429: You have exceeded your plan's concurrency limit."),
        "failing": (_K.PROVIDER_UNAVAILABLE, "returned HTTP 500: Something went wrong"),
        "overloaded": (_K.PROVIDER_UNAVAILABLE, "returned HTTP 503: Try again later"),
        "nobody": (_K.UNKNOWN_VOICE, "returned HTTP 404: There is no voice nobody"),
    },
)
ELEVENLABS = HostedCase(
    name="ElevenLabs",
    server=elevenlabs_server.ElevenLabsServer,
    engine=lambda url, key: ElevenLabsEngine(_account(key, url, elevenlabs_server.MODEL)),
    sent={"text": HELLO, "model_id": "eleven_flash_v2_5"},
    every_parameter=SpeechParameters(speed=1.1, language="pt-BR", seed=4294967295),
    sent_for_every_parameter={"language_code": "pt", "voice_settings": {"speed": 1.1}, "seed": 4294967295},
    valid=("/v1/text-to-speech/steady/stream?output_format=pcm_24000", {}),
    auth=lambda key: {"xi-api-key": key},
    errors={
        "payment": (_K.QUOTA_EXCEEDED, "returned HTTP 402: This feature needs a paid plan"),
        "spent": (_K.QUOTA_EXCEEDED, "returned HTTP 401: This request exceeds your quota of 10000"),
        "limited": (_K.RATE_LIMITED, "returned HTTP 429: Too many requests, slow down"),
        "full": (_K.RATE_LIMITED, "returned HTTP 429: Too many concurrent requests, your plan has 5"),
        "failing": (_K.PROVIDER_UNAVAILABLE, "returned HTTP 500: Something went wrong"),
        "overloaded": (_K.PROVIDER_UNAVAILABLE, "returned HTTP 503: Try again later"),
        "nobody": (_K.UNKNOWN_VOICE, "returned HTTP 404: A voice with voice_id nobody was not found"),
    },
)
SMALLESTAI = HostedCase(
    name="Smallest AI",
    server=smallestai_server.SmallestAiServer,
    engine=lambda url, key: SmallestAiEngine(_account(key, url, smallestai_server.MODEL)),
    sent={
        "text": HELLO,
        "voice_id": "steady",
        "model": "lightning_v3.1",
        "sample_rate": 24000,
        "output_format": "pcm",
    },
    every_parameter=SpeechParameters(speed=2.0, language="hi-IN"),
    sent_for_every_parameter={"speed": 2.0, "language": "hi"},
    valid=("/waves/v1/tts/live", {}),
    auth=_bearer,
    errors={
        "payment": (_K.QUOTA_EXCEEDED, "returned HTTP 402: Your credits are used up"),
        "spent": (_K.QUOTA_EXCEEDED, "returned HTTP 403: Your plan's quota is used up"),
        "limited": (_K.RATE_LIMITED, "returned HTTP 429: Too many requests per minute"),
        "full": (_K.RATE_LIMITED, "returned HTTP 429: Your plan's limit of concurrent requests is reached"),
        "failing": (_K.PROVIDER_UNAVAILABLE, "returned HTTP 500: Something went wrong"),
        "overloaded": (_K.PROVIDER_UNAVAILABLE, "returned HTTP 503: Try again later"),
        "nobody": (_K.UNKNOWN_VOICE, "returned HTTP 404: Voice nobody was not found"),
    },
)
_DEEPGRAM_QUERY = {
    "model": "aura-2-steady-en",
    "encoding": "linear16",
    "container": "none",
    "sample_rate": "24000",
}
DEEPGRAM = HostedCase(
    name="Deepgram",
    server=deepgram_server.DeepgramServer,
    engine=lambda url, key: DeepgramEngine(
        ProviderAccount(key, url, deepgram_server.MODEL, ("aura-2-trickle-en", "aura-2-steady-en"), 2)
    ),
    sent={"text": HELLO, "query": _DEEPGRAM_QUERY},
    every_parameter=SpeechParameters(speed=1.5),
    sent_for_every_parameter={"query": {**_DEEPGRAM_QUERY, "speed": "1.5"}},
    valid=("/v1/speak?" + "&".join(f"{name}={value}" for name, value in _DEEPGRAM_QUERY.items()), {}),
    auth=lambda key: {"authorization": f"Token {key}"},
    errors={
        "payment": (_K.QUOTA_EXCEEDED, "returned HTTP 402: Project does not have enough credits."),
        "spent": (_K.QUOTA_EXCEEDED, "returned HTTP 402: Project has no credits left."),
        "limited": (_K.RATE_LIMITED, "returned HTTP 429: Too many requests. Please try again later"),
        "full": (_K.RATE_LIMITED, "returned HTTP 429: Too many requests. Please try again later"),
        "failing": (_K.PROVIDER_UNAVAILABLE, "returned HTTP 500: Something went wrong"),
        "overloaded": (_K.PROVIDER_UNAVAILABLE, "returned HTTP 503: Service unavailable"),
        "nobody": (_K.UNKNOWN_VOICE, "returned HTTP 400: No such model/version combination found."),
    },
    voice=deepgram_server.voice_id,
)
OPENAI = HostedCase(
    name="OpenAI",
    server=openai_server.OpenAiServer,
    engine=lambda url, key: OpenAiCompatibleEngine(
        SpeechEndpoint("openai", "OpenAI", url, key, openai_server.MODEL, (), 24000, 2)
    ),
    sent={"model": "tts-1", "input": HELLO, "voice": "steady", "response_format": "pcm"},
    every_parameter=SpeechParameters(speed=1.5),
    sent_for_every_parameter={"speed": 1.5},
    valid=("/v1/audio/speech", {}),
    auth=_bearer,
    errors={
        "payment": (_K.QUOTA_EXCEEDED, "returned HTTP 402: Billing hard limit has been reached"),
        "spent": (_K.QUOTA_EXCEEDED, "returned HTTP 429: You exceeded your current quota"),
        "limited": (_K.RATE_LIMITED, "returned HTTP 429: Rate limit reached"),
        "full": (_K.RATE_LIMITED, "returned HTTP 429: Too many concurrent requests"),
        "failing": (_K.PROVIDER_UNAVAILABLE, "returned HTTP 500: The server had an error"),
        "overloaded": (
            _K.PROVIDER_UNAVAILABLE,
            "returned HTTP 503: The engine is currently overloaded, please try again later",
        ),
        "nobody": (_K.UNKNOWN_VOICE, "returned HTTP 400: Invalid value: 'nobody'."),
    },
)
ALL = (CARTESIA, ELEVENLABS, SMALLESTAI, DEEPGRAM, OPENAI)


@dataclass
class HostedSetup:
    """An engine with the stand-in that it uses."""

    hosted: HostedCase
    server: SpeechServer
    engine: SpeechEngine

    def utterance(self, behaviour: str, parameters: SpeechParameters | None = None) -> Utterance:
        """Returns HELLO by the voice of a behaviour."""
        return Utterance(HELLO, self.hosted.voice(behaviour), parameters=parameters or SpeechParameters())

    async def spoken(self, behaviour: str, timing: Timing | None = None) -> bytes:
        """Returns all audio of HELLO."""
        audio = self.engine.synthesize(self.utterance(behaviour), timing or Timing())
        return b"".join([piece async for piece in audio])

    async def failure(self, behaviour: str) -> SynthesisError:
        """Returns the error with which HELLO fails."""
        with pytest.raises(SynthesisError) as caught:
            await self.spoken(behaviour)
        return caught.value
