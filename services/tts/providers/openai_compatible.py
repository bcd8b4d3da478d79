"""OpenAI's speech endpoint, and servers with the same API (Kokoro-FastAPI, Speaches, LocalAI, vLLM)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.tts.domain import Capabilities, FailureKind, SynthesisError, Utterance, Voice
from services.tts.providers.hosted import HostedEngine, VoicePage
from services.tts.providers.http_audio import SpeechRequest, route, with_version
from services.tts.providers.http_errors import ErrorDetails, classify_error, clean_text, validation_message

MAX_TEXT_CHARACTERS = 4096

_CODES = {
    "model_not_found": FailureKind.UNKNOWN_VOICE,
    "string_above_max_length": FailureKind.TEXT_TOO_LONG,
    "string_too_long": FailureKind.TEXT_TOO_LONG,
    "insufficient_quota": FailureKind.QUOTA_EXCEEDED,
    "billing_hard_limit_reached": FailureKind.QUOTA_EXCEEDED,
    "rate_limit_exceeded": FailureKind.RATE_LIMITED,
}


@dataclass(frozen=True, slots=True)
class SpeechEndpoint:
    """Where a server is and what to request from it.

    Routes are `base_url` + `/audio/...`; `/v1` is added only to a bare host. If `voices` is empty, the server is asked
    for its voices. `missing` says which setting would make it usable; None if it is usable.
    """

    id: str
    display_name: str
    base_url: str
    api_key: str = field(repr=False)
    model: str
    voices: tuple[str, ...]
    sample_rate_hz: int
    max_concurrency: int
    local: bool = False
    missing: str | None = None


class OpenAiCompatibleEngine(HostedEngine):
    """The engine for one server."""

    def __init__(self, endpoint: SpeechEndpoint) -> None:
        super().__init__(
            Capabilities(
                id=endpoint.id,
                display_name=endpoint.display_name,
                local=endpoint.local,
                streaming=True,
                max_text_characters=MAX_TEXT_CHARACTERS,
                max_concurrency=endpoint.max_concurrency,
                parameters=frozenset({"speed"}),
                default_model=endpoint.model,
            ),
            endpoint.api_key,
            {"authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {},
            read_error,
            endpoint.missing,
        )
        self._endpoint = endpoint
        self._base_url = with_version(endpoint.base_url, "/v1")

    async def voices(self) -> Sequence[Voice]:
        if self._endpoint.voices:
            return [self._named(each, "") for each in self._endpoint.voices]
        voices = await self._listed(route(self._base_url, "/audio/voices"), _page)
        if not voices:
            raise SynthesisError(
                FailureKind.PROVIDER_UNAVAILABLE,
                f"{self._endpoint.display_name} lists no voices; name them in its voices setting",
            )
        return voices

    def _voice_of(self, item: Any) -> Voice | None:
        languages = [item.get("language"), item.get("lang_code")]
        return self._named(item.get("id") or item.get("voice_id") or item.get("name"), item.get("name"), languages)

    def _named(self, voice_id: object, name: object, languages: Sequence[object] = ()) -> Voice:
        shown = clean_text(name) or clean_text(voice_id).replace("_", " ").title()
        return self._voice(voice_id, shown, languages, self._endpoint.model, self._endpoint.sample_rate_hz)

    def _request(self, utterance: Utterance) -> SpeechRequest:
        body: dict[str, object] = {
            "model": utterance.model_id or self._endpoint.model,
            "input": utterance.text,
            "voice": utterance.voice_id,
            "response_format": "pcm",
        }
        if utterance.parameters.speed is not None:
            body["speed"] = utterance.parameters.speed
        url = route(self._base_url, "/audio/speech")
        return SpeechRequest(url, self._headers, body, self._endpoint.sample_rate_hz)


def read_error(status: int, body: Any) -> ErrorDetails:
    """Reads OpenAI's `{error: {message, type, param, code}}`. Compatible servers often send `{detail}` instead."""
    if not isinstance(body, dict):
        return classify_error(status, clean_text(body), _CODES)
    error = body.get("error", body.get("detail"))
    if not isinstance(error, dict):
        return classify_error(status, validation_message(error) or clean_text(error), _CODES)
    message = clean_text(error.get("message"))
    details = classify_error(status, message, _CODES, error.get("code"), error.get("type"))
    if details.kind is None and error.get("param") == "voice" and status in (400, 404, 422):
        return ErrorDetails(FailureKind.UNKNOWN_VOICE, message)
    return details


def _page(body: Any) -> VoicePage:
    """Reads `{voices: [...]}` or the list alone. Its items are names or objects with `id` or `name`."""
    items = body["voices"] if isinstance(body, dict) else body
    if isinstance(items, list):
        items = [{"id": item} if isinstance(item, str) else item for item in items]
    return VoicePage(items)
