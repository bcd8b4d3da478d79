"""Cartesia: `POST /tts/bytes`."""

from collections.abc import Sequence
from typing import Any

from services.tts.domain import FailureKind, Utterance, Voice
from services.tts.providers.hosted import SAMPLE_RATE_HZ, AccountEngine, ProviderAccount, VoicePage
from services.tts.providers.http_audio import SpeechRequest, route
from services.tts.providers.http_errors import ErrorDetails, classify_error, clean_text

PROVIDER = "cartesia"
# The version of the API, a date. Errors are JSON since 2026-03-01.
VERSION = "2026-08-14"
MAX_TEXT_CHARACTERS = 5000
# `generation_config.speed` of the sonic-3 models.
MIN_SPEED, MAX_SPEED = 0.6, 1.5
PAGE_SIZE = 100

_CODES = {
    "concurrency_limited": FailureKind.RATE_LIMITED,
    "rate_limited": FailureKind.RATE_LIMITED,
    "quota_exceeded": FailureKind.QUOTA_EXCEEDED,
    "credits_exhausted": FailureKind.QUOTA_EXCEEDED,
    "transcript_too_long": FailureKind.TEXT_TOO_LONG,
    "voice_not_found": FailureKind.UNKNOWN_VOICE,
    "model_not_found": FailureKind.UNKNOWN_VOICE,
}


class CartesiaEngine(AccountEngine):
    """The engine for an account of Cartesia."""

    def __init__(self, account: ProviderAccount) -> None:
        super().__init__(
            account,
            PROVIDER,
            "Cartesia",
            {"authorization": f"Bearer {account.api_key}", "cartesia-version": VERSION},
            read_error,
            max_text_characters=MAX_TEXT_CHARACTERS,
            parameters=frozenset({"speed", "language"}),
            min_speed=MIN_SPEED,
            max_speed=MAX_SPEED,
        )

    async def voices(self) -> Sequence[Voice]:
        url, query = route(self._account.base_url, "/voices"), {"limit": str(PAGE_SIZE)}
        return await self._listed(url, _page, query)

    def _voice_of(self, item: Any) -> Voice | None:
        locales = [each.get("locale") for each in item.get("locales") or () if isinstance(each, dict)]
        return self._voice(item["id"], item.get("name"), [*locales, item.get("language")], self._account.model)

    def _request(self, utterance: Utterance) -> SpeechRequest:
        body: dict[str, object] = {
            "model_id": utterance.model_id or self._account.model,
            "transcript": utterance.text,
            "voice": {"mode": "id", "id": utterance.voice_id},
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": SAMPLE_RATE_HZ},
        }
        if utterance.parameters.language is not None:
            body["language"] = utterance.parameters.language
        if utterance.parameters.speed is not None:
            body["generation_config"] = {"speed": utterance.parameters.speed}
        return SpeechRequest(route(self._account.base_url, "/tts/bytes"), self._headers, body, SAMPLE_RATE_HZ)


def read_error(status: int, body: Any) -> ErrorDetails:
    """Reads `{error_code, title, message, request_id}`, and the text `Title: message` of older versions."""
    if not isinstance(body, dict):
        return classify_error(status, clean_text(body), _CODES)
    title, message = clean_text(body.get("title")), clean_text(body.get("message"))
    return classify_error(status, message or title, _CODES, body.get("error_code"))


def _page(body: Any) -> VoicePage:
    items = body["data"]
    ids = [each["id"] for each in items if isinstance(each, dict) and isinstance(each.get("id"), str)]
    has_next = bool(ids) and body.get("has_more", len(items) == PAGE_SIZE)
    return VoicePage(items, {"limit": str(PAGE_SIZE), "starting_after": ids[-1]} if has_next else None)
