"""ElevenLabs: `POST /v1/text-to-speech/{voice_id}/stream`."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from services.tts.domain import FailureKind, SynthesisError, Utterance, Voice
from services.tts.providers.hosted import SAMPLE_RATE_HZ, AccountEngine, ProviderAccount, VoicePage, primary_language
from services.tts.providers.http_audio import SpeechRequest, route, without_version
from services.tts.providers.http_errors import ErrorDetails, classify_error, clean_text, validation_message

PROVIDER = "elevenlabs"
# The prefix of a model id and its limit in characters. The first prefix that matches counts.
TEXT_LIMITS = (
    ("eleven_v3", 3000),
    ("eleven_multilingual", 10_000),
    ("eleven_monolingual", 10_000),
    ("eleven_flash_v2_5", 40_000),
    ("eleven_turbo_v2_5", 40_000),
    ("", 30_000),
)
# `voice_settings.speed`.
MIN_SPEED, MAX_SPEED = 0.7, 1.2
PAGE_SIZE = 100

# Newer errors have the code as `code`, older ones as `status`.
_CODES = {
    "quota_exceeded": FailureKind.QUOTA_EXCEEDED,
    "insufficient_credits": FailureKind.QUOTA_EXCEEDED,
    "payment_required": FailureKind.QUOTA_EXCEEDED,
    "concurrent_limit_exceeded": FailureKind.RATE_LIMITED,
    "too_many_concurrent_requests": FailureKind.RATE_LIMITED,
    "rate_limit_exceeded": FailureKind.RATE_LIMITED,
    "system_busy": FailureKind.RATE_LIMITED,
    "text_too_long": FailureKind.TEXT_TOO_LONG,
    "max_character_limit_exceeded": FailureKind.TEXT_TOO_LONG,
    "voice_not_found": FailureKind.UNKNOWN_VOICE,
    "invalid_voice_id": FailureKind.UNKNOWN_VOICE,
    "model_not_found": FailureKind.UNKNOWN_VOICE,
    "invalid_model_id": FailureKind.UNKNOWN_VOICE,
}


class ElevenLabsEngine(AccountEngine):
    """The engine for an account of ElevenLabs."""

    def __init__(self, account: ProviderAccount) -> None:
        super().__init__(
            account,
            PROVIDER,
            "ElevenLabs",
            {"xi-api-key": account.api_key},
            read_error,
            max_text_characters=max_characters_of(account.model),
            text_limits=TEXT_LIMITS,
            parameters=frozenset({"speed", "language", "seed"}),
            min_speed=MIN_SPEED,
            max_speed=MAX_SPEED,
        )
        self._base_url = without_version(account.base_url, "/v1", "/v2")

    async def voices(self) -> Sequence[Voice]:
        url, query = route(self._base_url, "/v2/voices"), {"page_size": str(PAGE_SIZE)}
        return await self._listed(url, _page, query)

    def _voice_of(self, item: Any) -> Voice | None:
        verified = [each for each in item.get("verified_languages") or () if isinstance(each, dict)]
        labels = item.get("labels") or {}
        languages = [labels.get("language"), *(each.get("locale") or each.get("language") for each in verified)]
        return self._voice(item["voice_id"], item.get("name"), languages, self._account.model)

    def _request(self, utterance: Utterance) -> SpeechRequest:
        model, parameters = utterance.model_id or self._account.model, utterance.parameters
        if len(utterance.text) > max_characters_of(model):
            raise SynthesisError(
                FailureKind.TEXT_TOO_LONG,
                f"The ElevenLabs model {model} takes at most {max_characters_of(model)} characters",
            )
        body: dict[str, object] = {"text": utterance.text, "model_id": model}
        if parameters.language is not None:
            body["language_code"] = primary_language(parameters.language)
        if parameters.speed is not None:
            body["voice_settings"] = {"speed": parameters.speed}
        if parameters.seed is not None:
            body["seed"] = parameters.seed
        path = f"/v1/text-to-speech/{quote(utterance.voice_id, safe='')}/stream"
        url = route(self._base_url, path, {"output_format": f"pcm_{SAMPLE_RATE_HZ}"})
        return SpeechRequest(url, self._headers, body, SAMPLE_RATE_HZ)


def max_characters_of(model: str) -> int:
    """Returns the maximum number of characters of a text for a model."""
    return next(characters for prefix, characters in TEXT_LIMITS if model.startswith(prefix))


def read_error(status: int, body: Any) -> ErrorDetails:
    """Reads `{detail: {type, code, message, status, request_id}}`, and the list of errors of an invalid request."""
    detail = body.get("detail") if isinstance(body, dict) else None
    if not isinstance(detail, dict):
        return classify_error(status, validation_message(detail) or clean_text(detail) or clean_text(body), _CODES)
    return classify_error(status, clean_text(detail.get("message")), _CODES, detail.get("code"), detail.get("status"))


def _page(body: Any) -> VoicePage:
    token = body.get("next_page_token") if body.get("has_more") else None
    return VoicePage(body["voices"], {"page_size": str(PAGE_SIZE), "next_page_token": token} if token else None)
