"""Smallest AI: `POST /waves/v1/tts/live`, which returns server-sent events.

The route `/waves/v1/tts` does not stream: it returns the audio when all of it is made, so its time to the first byte
could not be compared with that of other providers.
"""

from collections.abc import Sequence
from typing import Any

from services.tts.domain import FailureKind, Utterance, Voice
from services.tts.providers.hosted import SAMPLE_RATE_HZ, AccountEngine, ProviderAccount, VoicePage, primary_language
from services.tts.providers.http_audio import SpeechRequest, route, without_version
from services.tts.providers.http_errors import ErrorDetails, classify_error, clean_text, validation_message

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
# The list of voices names languages by English words.
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
    """The engine for an account of Smallest AI."""

    def __init__(self, account: ProviderAccount) -> None:
        super().__init__(
            account,
            PROVIDER,
            "Smallest AI",
            {"authorization": f"Bearer {account.api_key}"},
            read_error,
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
        languages = [_LANGUAGES.get(clean_text(word).lower()) for word in words]
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


def read_error(status: int, body: Any) -> ErrorDetails:
    """Reads `{error, message}`, where `error` is a code, a sentence, or an object `{message, code}`."""
    if not isinstance(body, dict):
        return classify_error(status, clean_text(body), _CODES)
    error = body.get("error")
    if isinstance(error, dict):
        message = clean_text(error.get("message")) or validation_message(error.get("details"))
        return classify_error(status, message, _CODES, error.get("code"))
    return classify_error(status, clean_text(body.get("message")) or clean_text(error), _CODES, error)


def _page(body: Any) -> VoicePage:
    return VoicePage(body["voices"])
