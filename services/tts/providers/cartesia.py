"""Cartesia, over its byte stream: `POST /tts/bytes`."""

from collections.abc import Sequence
from typing import Any

from services.tts.domain import FailureKind, Utterance, Voice
from services.tts.providers.hosted import SAMPLE_RATE_HZ, Account, AccountEngine, Page
from services.tts.providers.http_audio import SpeechRequest, route
from services.tts.providers.http_errors import Refusal, refusal_of, text_of

PROVIDER = "cartesia"
# The date of the API that this speaks; errors are JSON since 2026-03-01.
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
    """Speaks with an account of Cartesia."""

    def __init__(self, account: Account) -> None:
        super().__init__(
            account,
            PROVIDER,
            "Cartesia",
            {"authorization": f"Bearer {account.api_key}", "cartesia-version": VERSION},
            explain,
            max_text_characters=MAX_TEXT_CHARACTERS,
            parameters=frozenset({"speed", "language"}),
            slowest_speed=MIN_SPEED,
            fastest_speed=MAX_SPEED,
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


def explain(status: int, body: Any) -> Refusal:
    """Reads `{error_code, title, message, request_id}`, and the plain `Title: message` of older versions."""
    if not isinstance(body, dict):
        return refusal_of(status, text_of(body), _CODES)
    title, message = text_of(body.get("title")), text_of(body.get("message"))
    return refusal_of(status, message or title, _CODES, body.get("error_code"))


def _page(body: Any) -> Page:
    items = body["data"]
    ids = [each["id"] for each in items if isinstance(each, dict) and isinstance(each.get("id"), str)]
    goes_on = bool(ids) and body.get("has_more", len(items) == PAGE_SIZE)
    return Page(items, {"limit": str(PAGE_SIZE), "starting_after": ids[-1]} if goes_on else None)
