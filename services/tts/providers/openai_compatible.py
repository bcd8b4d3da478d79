"""OpenAI's speech endpoint, and the servers that speak as it does (Kokoro-FastAPI, Speaches, LocalAI, vLLM)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from services.tts.domain import Capabilities, FailureKind, Timing, Utterance, Voice
from services.tts.providers.engine import SpeechEngine
from services.tts.providers.http_audio import AudioClient, SpeechRequest

MAX_TEXT_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where such a server is and what it is asked for.

    `base_url` is with or without its final `/v1`. `missing` says which setting would make it usable, None if it is.
    """

    id: str
    display_name: str
    base_url: str
    api_key: str
    model: str
    voices: tuple[str, ...]
    sample_rate_hz: int
    max_concurrency: int
    local: bool = False
    missing: str | None = None


class OpenAiCompatibleEngine(SpeechEngine):
    """Asks for raw samples and streams them."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.capabilities = Capabilities(
            id=endpoint.id,
            display_name=endpoint.display_name,
            local=endpoint.local,
            streaming=True,
            max_text_characters=MAX_TEXT_CHARACTERS,
            max_concurrency=endpoint.max_concurrency,
            parameters=frozenset({"speed"}),
            default_model=endpoint.model,
        )
        self._endpoint = endpoint
        self._url = endpoint.base_url.rstrip("/").removesuffix("/v1") + "/v1/audio/speech"
        self._headers = {"authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        self._client = AudioClient(endpoint.display_name, endpoint.max_concurrency, endpoint.api_key, explain)

    async def close(self) -> None:
        await self._client.close()

    def unavailable_reason(self) -> str | None:
        return self._endpoint.missing

    async def voices(self) -> Sequence[Voice]:
        return [
            Voice(
                provider=self._endpoint.id,
                voice_id=voice_id,
                display_name=voice_id.replace("_", " ").title(),
                model_id=self._endpoint.model,
                sample_rate_hz=self._endpoint.sample_rate_hz,
            )
            for voice_id in self._endpoint.voices
        ]

    async def synthesize(self, utterance: Utterance, timing: Timing) -> AsyncGenerator[bytes, None]:
        body: dict[str, object] = {
            "model": utterance.model_id or self._endpoint.model,
            "input": utterance.text,
            "voice": utterance.voice_id,
            "response_format": "pcm",
        }
        if utterance.parameters.speed is not None:
            body["speed"] = utterance.parameters.speed
        request = SpeechRequest(self._url, self._headers, body, self._endpoint.sample_rate_hz)
        async with aclosing(self._client.speak(request, timing)) as audio:
            async for piece in audio:
                yield piece


def explain(status: int, body: Any) -> tuple[FailureKind | None, str]:
    """Reads OpenAI's `{error: {message, type, param, code}}`; compatible servers often answer `{detail}` instead."""
    if not isinstance(body, dict):
        return None, ""
    error = body.get("error", body.get("detail"))
    if not isinstance(error, dict):
        return None, str(error or "")
    spent = "insufficient_quota" in (error.get("code"), error.get("type"))
    return (FailureKind.QUOTA_EXCEEDED if spent and status == 429 else None), str(error.get("message") or "")
