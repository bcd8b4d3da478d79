"""A stand-in for Cartesia's `POST /tts/bytes` and `GET /voices`.

Start it with `python -m tests.fakes.cartesia_server --port 9101`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tests.fakes import request_checks, speech_server
from tests.fakes.speech_server import SAMPLE_RATE_HZ, Behaviour, Refusal, Request, Speech, SpeechServer

MODEL = "sonic-3"
MAX_TRANSCRIPT_CHARACTERS = 5000
REQUEST_ID = "550e8400-e29b-41d4-a716-446655440000"
# Errors are JSON from this version on.
JSON_ERRORS_SINCE = "2026-03-01"

_DATE = re.compile(r"20\d\d-[01]\d-[0-3]\d")
_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "model_id": str,
    "transcript": str,
    "voice": dict,
    "output_format": dict,
    "language": str,
    "generation_config": dict,
}


class CartesiaServer(SpeechServer):
    """The stand-in."""

    unauthorized = Refusal(401, "unauthorized", "The API key is not valid")
    payment = Refusal(402, "quota_exceeded", "Your plan's credits are used up")
    spent = Refusal(402, "quota_exceeded", "Your plan's credits are used up")
    limited = Refusal(429, "rate_limited", "Too many requests per second")
    full = Refusal(429, "concurrency_limited", "You have exceeded your plan's concurrency limit.")
    failing = Refusal(500, "", "Something went wrong")
    overloaded = Refusal(503, "", "Try again later")

    def refusal(self, status: int, message: str, code: str = "", **headers: str) -> Behaviour:
        error = {"error_code": code or None, "title": "Error", "message": message, "request_id": REQUEST_ID}
        return Behaviour(status, "application/json", json.dumps(error).encode(), headers)

    def answer(self, request: Request) -> Speech | Behaviour:
        version = request.headers.get("cartesia-version", "")
        if not _DATE.fullmatch(version):
            return _plain(400, "Invalid version: the Cartesia-Version header must be a date")
        answer = self._answer_of(request)
        if isinstance(answer, Behaviour) and answer.status != 200 and version < JSON_ERRORS_SINCE:
            return _plain(answer.status, f"Error: {json.loads(answer.body)['message']}")
        return answer

    def _answer_of(self, request: Request) -> Speech | Behaviour:
        routes = {"/tts/bytes": "POST", "/voices": "GET"}
        if request.path not in routes:
            return self.refusal(404, f"There is no {request.path}", "not_found")
        if request.method != routes[request.path]:
            return self.refusal(405, f"{request.method} is not allowed", "method_not_allowed")
        sent = request.headers.get("authorization", "")
        if not sent.startswith("Bearer ") or (self.key and sent != f"Bearer {self.key}"):
            return self.refusal(401, f"The API key is not valid: {sent}", "unauthorized")
        return self._speech(request) if request.method == "POST" else self._voices(request)

    def _speech(self, request: Request) -> Speech | Behaviour:
        try:
            body = request_checks.json_body(request)
        except ValueError as error:
            return self.refusal(400, f"The body can't be read: {error}", "invalid_request")
        if fault := request_checks.mistyped(body, _FIELDS, {"model_id", "transcript", "voice", "output_format"}):
            return self.refusal(400, fault, "invalid_request")
        assert isinstance(body, dict)
        if body["model_id"] != MODEL:
            return self.refusal(404, f"There is no model {body['model_id']}", "model_not_found")
        if not 0 < len(body["transcript"]) <= MAX_TRANSCRIPT_CHARACTERS:
            return self.refusal(400, "transcript: too long", "transcript_too_long")
        fault = request_checks.mistyped(body["voice"], {"mode": str, "id": str}, {"mode", "id"})
        if fault or body["voice"]["mode"] != "id":
            return self.refusal(400, f"voice.{fault or 'mode: must be id'}", "invalid_request")
        if body["output_format"] != {"container": "raw", "encoding": "pcm_s16le", "sample_rate": SAMPLE_RATE_HZ}:
            return self.refusal(400, "output_format: only raw pcm_s16le at 24000 is spoken here", "invalid_request")
        config = body.get("generation_config", {})
        if fault := request_checks.mistyped(config, {"speed": (int, float)}, set()):
            return self.refusal(400, f"generation_config.{fault}", "invalid_request")
        if not 0.6 <= config.get("speed", 1.0) <= 1.5:
            return self.refusal(400, "generation_config.speed: must be 0.6 to 1.5", "invalid_request")
        if body["voice"]["id"] not in self.behaviours:
            return self.refusal(404, f"There is no voice {body['voice']['id']}", "voice_not_found")
        return Speech(body["voice"]["id"], body["transcript"], body)

    def _voices(self, request: Request) -> Behaviour:
        if unknown := set(request.query) - {"limit", "starting_after"}:
            return self.refusal(400, f"{sorted(unknown)[0]}: unknown query parameter", "invalid_request")
        limit = request.query.get("limit", "10")
        if not limit.isdecimal() or not 1 <= int(limit) <= 100:
            return self.refusal(400, "limit: must be 1 to 100", "invalid_request")
        ids = list(self.behaviours)
        after = request.query.get("starting_after")
        if after is not None and after not in ids:
            return self.refusal(400, "starting_after: there is no such voice", "invalid_request")
        start = ids.index(after) + 1 if after is not None else 0
        page = ids[start : start + int(limit)]
        voices = [
            {
                "id": each,
                "name": each.title(),
                "description": "",
                "language": "en",
                "locales": [{"locale": "en-US", "is_native": True}],
                "is_owner": False,
                "access": "public",
            }
            for each in page
        ]
        return self.voices_answer({"data": voices, "has_more": start + int(limit) < len(ids)})


def _plain(status: int, message: str) -> Behaviour:
    return Behaviour(status, "text/plain", message.encode())


if __name__ == "__main__":
    speech_server.serve(CartesiaServer, __doc__)
