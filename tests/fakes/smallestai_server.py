"""A stand-in for Smallest AI's `POST /waves/v1/tts/live` and its list of voices.

Start it with `python -m tests.fakes.smallestai_server --port 9103`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping

from tests.fakes import request_checks, speech_server
from tests.fakes.speech_server import RAW, Behaviour, Refusal, Request, Speech, SpeechServer

MODEL = "lightning_v3.1"
MAX_TEXT_CHARACTERS = 5000
LIST_PATH = "/waves/v1/lightning-v3.1/get_voices"

_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "voice_id": str,
    "model": str,
    "sample_rate": int,
    "output_format": str,
    "speed": (int, float),
    "language": str,
}


class SmallestAiServer(SpeechServer):
    """The stand-in. It streams audio as events, and sends any other body unchanged."""

    unauthorized = Refusal(401, "unauthorized", "Invalid or missing API key")
    payment = Refusal(402, "insufficient_credits", "Your credits are used up")
    spent = Refusal(403, "quota_exceeded", "Your plan's quota is used up")
    limited = Refusal(429, "rate_limit_exceeded", "Too many requests per minute")
    full = Refusal(429, "concurrency_limit_exceeded", "Your plan's limit of concurrent requests is reached")
    failing = Refusal(500, "internal_server_error", "Something went wrong")
    overloaded = Refusal(503, "service_unavailable", "Try again later")

    def refusal(self, status: int, message: str, code: str = "", **headers: str) -> Behaviour:
        return Behaviour(status, "application/json", json.dumps({"error": code, "message": message}).encode(), headers)

    def framing(self, behaviour: Behaviour) -> tuple[str, Callable[[bytes], bytes], bytes]:
        if behaviour.status != 200 or behaviour.content_type != RAW:
            return super().framing(behaviour)
        return "text/event-stream", _event, b'data: {"done": true}\n\n'

    def answer(self, request: Request) -> Speech | Behaviour:
        routes = {"/waves/v1/tts/live": "POST", LIST_PATH: "GET"}
        if request.path not in routes:
            return self.refusal(404, f"Cannot {request.method} {request.path}", "not_found")
        if request.method != routes[request.path]:
            return self.refusal(405, f"Cannot {request.method} {request.path}", "method_not_allowed")
        sent = request.headers.get("authorization", "")
        if not sent.startswith("Bearer ") or (self.key and sent != f"Bearer {self.key}"):
            return self.refusal(401, f"Invalid or missing API key: {sent}", "unauthorized")
        return self._speech(request) if request.method == "POST" else self._voices()

    def _speech(self, request: Request) -> Speech | Behaviour:
        try:
            body = request_checks.json_body(request)
        except ValueError as error:
            return self.refusal(400, f"Invalid JSON: {error}", "bad_request")
        if fault := request_checks.mistyped(body, _FIELDS, {"text", "voice_id"}):
            return self.refusal(400, fault, "bad_request")
        assert isinstance(body, dict)
        if body.get("model", MODEL) != MODEL:
            return self.refusal(400, f"Unknown model {body['model']}", "bad_request")
        if not body["text"]:
            return self.refusal(400, "text: must not be empty", "bad_request")
        if len(body["text"]) > MAX_TEXT_CHARACTERS:
            return self.refusal(413, "The text is too long", "content_too_large")
        if (body.get("sample_rate"), body.get("output_format")) != (speech_server.SAMPLE_RATE_HZ, "pcm"):
            return self.refusal(400, "only pcm at 24000 is spoken here", "bad_request")
        if not 0.5 <= body.get("speed", 1.0) <= 2.0:
            return self.refusal(400, "speed: must be 0.5 to 2", "bad_request")
        if len(body.get("language", "en")) != 2 and body["language"] != "auto":
            return self.refusal(400, "language: not supported", "bad_request")
        if body["voice_id"] not in self.behaviours:
            return self.refusal(404, f"Voice {body['voice_id']} was not found", "voice_not_found")
        return Speech(body["voice_id"], body["text"], body)

    def _voices(self) -> Behaviour:
        tags = {"language": ["english", "hindi"], "accent": "american", "gender": "female"}
        return self.voices_answer(
            {"voices": [{"voiceId": each, "displayName": each.title(), "tags": tags} for each in self.behaviours]}
        )


def _event(piece: bytes) -> bytes:
    return b"event: audio\ndata: " + json.dumps({"audio": base64.b64encode(piece).decode()}).encode() + b"\n\n"


if __name__ == "__main__":
    speech_server.serve(SmallestAiServer, __doc__)
