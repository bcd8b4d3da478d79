"""Deepgram's Aura, over `POST /v1/speak`. The voice is the model: `aura-2-thalia-en` is Thalia of aura-2."""

from collections.abc import Sequence
from typing import Any

from services.tts.domain import FailureKind, SynthesisError, Utterance, Voice
from services.tts.providers.hosted import SAMPLE_RATE_HZ, Account, AccountEngine, Page
from services.tts.providers.http_audio import SpeechRequest, route, without_version
from services.tts.providers.http_errors import Refusal, refusal_of, text_of

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
    """Speaks with an account of Deepgram. Its model is the family whose voices are offered."""

    def __init__(self, account: Account) -> None:
        super().__init__(
            account,
            PROVIDER,
            "Deepgram",
            {"authorization": f"Token {account.api_key}"},
            explain,
            max_text_characters=MAX_TEXT_CHARACTERS,
            parameters=frozenset({"speed"}),
            slowest_speed=MIN_SPEED,
            fastest_speed=MAX_SPEED,
        )
        self._base_url = without_version(account.base_url, "/v1")

    async def voices(self) -> Sequence[Voice]:
        url = route(self._base_url, "/v1/models")
        return await self._listed(url, _page)

    def _voice_of(self, item: Any) -> Voice | None:
        if item.get("architecture", self._account.model) != self._account.model:
            return None
        name = text_of(item.get("name")).title()
        return self._voice(item["canonical_name"], name, item.get("languages"), self._account.model)

    def _request(self, utterance: Utterance) -> SpeechRequest:
        if utterance.model_id and not f"{utterance.voice_id}-".startswith(f"{utterance.model_id}-"):
            raise SynthesisError(
                FailureKind.INVALID_REQUEST,
                f"Deepgram's voices belong to a model each: {utterance.voice_id} is none of {utterance.model_id}",
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


def explain(status: int, body: Any) -> Refusal:
    """Reads plain text, `{err_code, err_msg, request_id}` and `{category, message, details, request_id}`.

    What Deepgram limits is how many requests are under way, so each 429 says that there are too many of them.
    """
    if isinstance(body, dict):
        code = body.get("err_code", body.get("category"))
        told = text_of(body.get("err_msg")) or text_of(body.get("message"))
        details = text_of(body.get("details"))
        told = f"{told} {details}".strip() if details else told
    else:
        code, told = None, text_of(body)
    if code == "INVALID_QUERY_PARAMETER" and _NO_SUCH_MODEL in told.lower():
        return Refusal(FailureKind.UNKNOWN_VOICE, told)
    refusal = refusal_of(status, told, _CODES, code)
    full = status == 429 and refusal.kind in (None, FailureKind.RATE_LIMITED)
    return Refusal(refusal.kind, refusal.told, full)


def _page(body: Any) -> Page:
    return Page(body["tts"])
