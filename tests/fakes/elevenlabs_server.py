"""A stand-in for ElevenLabs's `POST /v1/text-to-speech/{voice_id}/stream` and `GET /v2/voices`.

Start it with `python -m tests.fakes.elevenlabs_server --port 9102`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tests.fakes import request_checks, speech_server
from tests.fakes.speech_server import Behaviour, Refusal, Request, Speech, SpeechServer

MODEL = "eleven_flash_v2_5"
MAX_TEXT_CHARACTERS = 40000
REGION = "netherlands"
MAXIMUM_CONCURRENT = 5

_SPEECH_PATH = re.compile(r"/v1/text-to-speech/([^/]+)/stream")
_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "model_id": str,
    "language_code": str,
    "voice_settings": dict,
    "seed": int,
}
_SETTINGS: Mapping[str, type | tuple[type, ...]] = {"stability": (int, float), "speed": (int, float)}


class ElevenLabsServer(SpeechServer):
    """The stand-in. Each response states how many requests are in progress and how many are allowed."""

    unauthorized = Refusal(401, "invalid_api_key", "Invalid API key")
    payment = Refusal(402, "payment_required", "This feature needs a paid plan")
    spent = Refusal(401, "quota_exceeded", "This request exceeds your quota of 10000")
    limited = Refusal(429, "rate_limit_exceeded", "Too many requests, slow down")
    full = Refusal(429, "concurrent_limit_exceeded", "Too many concurrent requests, your plan has 5")
    failing = Refusal(500, "internal_server_error", "Something went wrong")
    overloaded = Refusal(503, "service_unavailable", "Try again later")

    def refusal(self, status: int, message: str, code: str = "", **headers: str) -> Behaviour:
        detail = {"type": "error", "code": code, "message": message, "status": code, "request_id": "r1"}
        return Behaviour(status, "application/json", json.dumps({"detail": detail}).encode(), headers)

    def headers(self) -> Mapping[str, str]:
        most = self.allowed_at_once or MAXIMUM_CONCURRENT
        return {
            "x-region": REGION,
            "current-concurrent-requests": str(self._at_once),
            "maximum-concurrent-requests": str(most),
        }

    def answer(self, request: Request) -> Speech | Behaviour:
        speech = _SPEECH_PATH.fullmatch(request.path)
        if not speech and request.path != "/v2/voices":
            return _plain_detail(404, "Not Found")
        if request.method != ("POST" if speech else "GET"):
            return _plain_detail(405, "Method Not Allowed")
        sent = request.headers.get("xi-api-key", "")
        if not sent or (self.key and sent != self.key):
            return self.refusal(401, f"Invalid API key: {sent}", "invalid_api_key")
        return self._speech(request, speech[1]) if speech else self._voices(request)

    def _speech(self, request: Request, voice: str) -> Speech | Behaviour:
        if request.query != {"output_format": "pcm_24000"}:
            return _faults("query.output_format", "only pcm_24000 is spoken here")
        try:
            body = request_checks.json_body(request)
        except ValueError as error:
            return _faults("body", f"JSON decode error: {error}")
        if fault := request_checks.mistyped(body, _FIELDS, {"text"}):
            return _faults(*fault.split(": ", 1))
        assert isinstance(body, dict)
        if body.get("model_id") != MODEL:
            return self.refusal(400, f"A model with ID {body.get('model_id')} does not exist", "model_not_found")
        if not 0 < len(body["text"]) <= MAX_TEXT_CHARACTERS:
            return self.refusal(400, "The text is longer than the limit", "text_too_long")
        settings = body.get("voice_settings", {})
        if fault := request_checks.mistyped(settings, _SETTINGS, set()):
            return _faults(f"voice_settings.{fault.split(': ', 1)[0]}", fault.split(": ", 1)[1])
        if not 0.7 <= settings.get("speed", 1.0) <= 1.2:
            return self.refusal(400, "speed must be 0.7 to 1.2", "invalid_voice_settings")
        if not 0 <= body.get("seed", 0) < 2**32:
            return _faults("seed", "must be 0 to 4294967295")
        if len(body.get("language_code", "en")) != 2:
            return self.refusal(400, "The language is not supported by the model", "unsupported_language")
        if voice not in self.behaviours:
            return self.refusal(404, f"A voice with voice_id {voice} was not found", "voice_not_found")
        return Speech(voice, body["text"], body)

    def _voices(self, request: Request) -> Behaviour:
        if unknown := set(request.query) - {"page_size", "next_page_token"}:
            return _faults(f"query.{sorted(unknown)[0]}", "unknown parameter")
        size, token = request.query.get("page_size", "10"), request.query.get("next_page_token", "after-0")
        if not size.isdecimal() or not 1 <= int(size) <= 100:
            return _faults("query.page_size", "must be 1 to 100")
        if not re.fullmatch(r"after-\d+", token):
            return self.refusal(400, "The page token is not valid", "invalid_page_token")
        start = int(token.removeprefix("after-"))
        end = start + int(size)
        ids = list(self.behaviours)
        voices = [
            {"voice_id": each, "name": each.title(), "category": "premade", "labels": {"language": "en"}}
            for each in ids[start:end]
        ]
        more = end < len(ids)
        return self.voices_answer(
            {"voices": voices, "has_more": more, "next_page_token": f"after-{end}" if more else None}
        )


def _faults(where: str, message: str) -> Behaviour:
    detail = [{"loc": ["body", *where.split(".")], "msg": message, "type": "value_error"}]
    return Behaviour(422, "application/json", json.dumps({"detail": detail}).encode())


def _plain_detail(status: int, message: str) -> Behaviour:
    return Behaviour(status, "application/json", json.dumps({"detail": message}).encode())


if __name__ == "__main__":
    speech_server.serve(ElevenLabsServer, __doc__)
