"""Smallest AI, over the route that streams: `POST /waves/v1/tts/live` answers with server-sent events.

The other one, `/waves/v1/tts`, gives the audio when all of it is made, which would not be a first byte to compare.
"""

from collections.abc import Sequence
from typing import Any

from services.tts.domain import FailureKind, Utterance, Voice
from services.tts.providers.hosted import SAMPLE_RATE_HZ, Account, AccountEngine, Page, primary_language
from services.tts.providers.http_audio import SpeechRequest, route, without_version
from services.tts.providers.http_errors import Refusal, refusal_of, text_of, validation_message

PROVIDER = "smallestai"
MAX_TEXT_CHARACTERS = 5000

_CODES = {
    "quota_exceeded": FailureKind.QUOTA_EXCEEDED,
    "insufficient_credits": FailureKind.QUOTA_EXCEEDED,
    "rate_limit_exceeded": FailureKind.RATE_LIMITED,
    "concurrency_limit_exceeded": FailureKind.RATE_LIMITED,
    "text_too_long": FailureKind.TEXT_TOO_LONG,
    "voice_not_found": FailureKind.UNKNOWN_VOICE,
    "invalid_voice_id": FailureKind.UNKNOWN_VOICE,
}
# The list of voices has languages as English words.
_LANGUAGES = {
    "arabic": "ar",
    "bengali": "bn",
    "chinese": "zh",
    "dutch": "nl",
    "english": "en",
    "french": "fr",
    "german": "de",
    "gujarati": "gu",
    "hindi": "hi",
    "italian": "it",
    "japanese": "ja",
    "kannada": "kn",
    "korean": "ko",
    "malayalam": "ml",
    "marathi": "mr",
    "odia": "or",
    "polish": "pl",
    "portuguese": "pt",
    "punjabi": "pa",
    "russian": "ru",
    "spanish": "es",
    "swedish": "sv",
    "tamil": "ta",
    "telugu": "te",
}


class SmallestAiEngine(AccountEngine):
    """Speaks with an account of Smallest AI."""

    def __init__(self, account: Account) -> None:
        super().__init__(
            account,
            PROVIDER,
            "Smallest AI",
            {"authorization": f"Bearer {account.api_key}"},
            explain,
            max_text_characters=MAX_TEXT_CHARACTERS,
            parameters=frozenset({"speed", "language"}),
        )
        self._base_url = without_version(account.base_url, "/waves/v1")

    async def voices(self) -> Sequence[Voice]:
        # One list for all models of this generation.
        url = route(self._base_url, "/waves/v1/lightning-v3.1/get_voices")
        return await self._listed(url, _page)

    def _voice_of(self, item: Any) -> Voice | None:
        words = (item.get("tags") or {}).get("language") or ()
        languages = [_LANGUAGES.get(text_of(word).lower()) for word in words]
        return self._voice(item["voiceId"], item.get("displayName"), languages, self._account.model)

    def _request(self, utterance: Utterance) -> SpeechRequest:
        body: dict[str, object] = {
            "text": utterance.text,
            "voice_id": utterance.voice_id,
            "model": utterance.model_id or self._account.model,
            "sample_rate": SAMPLE_RATE_HZ,
            "output_format": "pcm",
        }
        if utterance.parameters.speed is not None:
            body["speed"] = utterance.parameters.speed
        if utterance.parameters.language is not None:
            body["language"] = primary_language(utterance.parameters.language)
        return SpeechRequest(route(self._base_url, "/waves/v1/tts/live"), self._headers, body, SAMPLE_RATE_HZ)


def explain(status: int, body: Any) -> Refusal:
    """Reads `{error, message}`, where `error` is a code, a sentence, or an object `{message, code}`."""
    if not isinstance(body, dict):
        return refusal_of(status, text_of(body), _CODES)
    error = body.get("error")
    if isinstance(error, dict):
        told = text_of(error.get("message")) or validation_message(error.get("details"))
        return refusal_of(status, told, _CODES, error.get("code"))
    return refusal_of(status, text_of(body.get("message")) or text_of(error), _CODES, error)


def _page(body: Any) -> Page:
    return Page(body["voices"])
