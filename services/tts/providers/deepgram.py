"""Deepgram's Aura: `POST /v1/speak`. Each voice is a model: `aura-2-thalia-en` is Thalia of aura-2."""

from collections.abc import Sequence
from typing import Any

from services.tts.domain import FailureKind, SynthesisError, Utterance, Voice
from services.tts.providers.hosted import SAMPLE_RATE_HZ, AccountEngine, ProviderAccount, VoicePage
from services.tts.providers.http_audio import SpeechRequest, route, without_version
from services.tts.providers.http_errors import ErrorDetails, classify_error, clean_text

PROVIDER = "deepgram"
MAX_TEXT_CHARACTERS = 2000
MIN_SPEED, MAX_SPEED = 0.7, 1.5

_CODES = {
    "ASR_PAYMENT_REQUIRED": FailureKind.QUOTA_EXCEEDED,
    "PAYMENT_REQUIRED": FailureKind.QUOTA_EXCEEDED,
    "INSUFFICIENT_CREDITS": FailureKind.QUOTA_EXCEEDED,
    "TOO_MANY_REQUESTS": FailureKind.RATE_LIMITED,
    "MODEL_NOT_FOUND": FailureKind.UNKNOWN_VOICE,
}
_NO_SUCH_MODEL = "no such model"


class DeepgramEngine(AccountEngine):
    """The engine for an account of Deepgram. Its model is the family whose voices are offered."""

    def __init__(self, account: ProviderAccount) -> None:
        super().__init__(
            account,
            PROVIDER,
            "Deepgram",
            {"authorization": f"Token {account.api_key}"},
            read_error,
            max_text_characters=MAX_TEXT_CHARACTERS,
            parameters=frozenset({"speed"}),
            min_speed=MIN_SPEED,
            max_speed=MAX_SPEED,
        )
        self._base_url = without_version(account.base_url, "/v1")

    async def voices(self) -> Sequence[Voice]:
        url = route(self._base_url, "/v1/models")
        return await self._listed(url, _page)

    def _voice_of(self, item: Any) -> Voice | None:
        if item.get("architecture", self._account.model) != self._account.model:
            return None
        name = clean_text(item.get("name")).title()
        return self._voice(item["canonical_name"], name, item.get("languages"), self._account.model)

    def _request(self, utterance: Utterance) -> SpeechRequest:
        if utterance.model_id and not f"{utterance.voice_id}-".startswith(f"{utterance.model_id}-"):
            raise SynthesisError(
                FailureKind.INVALID_REQUEST,
                f"The Deepgram voice {utterance.voice_id} does not belong to the model {utterance.model_id}",
            )
        query = {
            "model": utterance.voice_id,
            "encoding": "linear16",
            "container": "none",
            "sample_rate": str(SAMPLE_RATE_HZ),
        }
        if utterance.parameters.speed is not None:
            query["speed"] = f"{utterance.parameters.speed:g}"
        return SpeechRequest(
            route(self._base_url, "/v1/speak", query), self._headers, {"text": utterance.text}, SAMPLE_RATE_HZ
        )


def read_error(status: int, body: Any) -> ErrorDetails:
    """Reads plain text, `{err_code, err_msg, request_id}` and `{category, message, details, request_id}`.

    Deepgram limits only the number of requests at the same time, so each 429 means too many of them.
    """
    if isinstance(body, dict):
        code = body.get("err_code", body.get("category"))
        message = clean_text(body.get("err_msg")) or clean_text(body.get("message"))
        details = clean_text(body.get("details"))
        message = f"{message} {details}".strip() if details else message
    else:
        code, message = None, clean_text(body)
    if code == "INVALID_QUERY_PARAMETER" and _NO_SUCH_MODEL in message.lower():
        return ErrorDetails(FailureKind.UNKNOWN_VOICE, message)
    found = classify_error(status, message, _CODES, code)
    full = status == 429 and found.kind in (None, FailureKind.RATE_LIMITED)
    return ErrorDetails(found.kind, found.message, full)


def _page(body: Any) -> VoicePage:
    return VoicePage(body["tts"])
