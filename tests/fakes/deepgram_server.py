"""A stand-in for Deepgram's `POST /v1/speak` and `GET /v1/models`.

Start it with `python -m tests.fakes.deepgram_server --port 9104`. The name of a voice is `aura-2-`, the name of a
behaviour, and `-en`.
"""

from __future__ import annotations

import json

from tests.fakes import request_checks, speech_server
from tests.fakes.speech_server import Behaviour, Refusal, Request, Speech, SpeechServer

MODEL = "aura-2"
MAX_TEXT_CHARACTERS = 2000
REQUEST_ID = "b9e2a2a2-0000-4000-8000-000000000000"

_QUERY = {"model", "encoding", "container", "sample_rate", "speed"}


def voice_id(behaviour: str) -> str:
    """Returns the voice of a behaviour."""
    return f"{MODEL}-{behaviour}-en"


class DeepgramServer(SpeechServer):
    """The stand-in. Like Deepgram, it has errors with a code, errors with a category, and plain text."""

    unauthorized = Refusal(401, "INVALID_AUTH", "Invalid credentials.")
    payment = Refusal(402, "ASR_PAYMENT_REQUIRED", "Project does not have enough credits.")
    spent = Refusal(402, "category:INSUFFICIENT_CREDITS", "Project has no credits left.")
    limited = Refusal(429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later")
    full = Refusal(429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later")
    failing = Refusal(500, "category:INTERNAL_SERVER_ERROR", "Something went wrong")
    overloaded = Refusal(503, "plain", "Service unavailable")

    def refusal(self, status: int, message: str, code: str = "", **headers: str) -> Behaviour:
        if code == "plain":
            return Behaviour(status, "text/plain", message.encode(), headers)
        error = {"err_code": code, "err_msg": message, "request_id": REQUEST_ID}
        if code.startswith("category:"):
            category = code.removeprefix("category:")
            error = {"category": category, "message": message, "details": "", "request_id": REQUEST_ID}
        return Behaviour(status, "application/json", json.dumps(error).encode(), headers)

    def answer(self, request: Request) -> Speech | Behaviour:
        routes = {"/v1/speak": "POST", "/v1/models": "GET"}
        if request.path not in routes:
            return self.refusal(404, "Not Found", "plain")
        if request.method != routes[request.path]:
            return self.refusal(405, "Method Not Allowed", "plain")
        sent = request.headers.get("authorization", "")
        if not sent.startswith("Token ") or (self.key and sent != f"Token {self.key}"):
            return self.refusal(401, f"Invalid credentials: {sent}", "INVALID_AUTH")
        return self._speech(request) if request.method == "POST" else self._voices(request)

    def _speech(self, request: Request) -> Speech | Behaviour:
        if fault := self._bad_query(request):
            return fault
        if request.headers.get("content-type") != "application/json":
            return self.refusal(415, "Content-type must be application/json", "UNSUPPORTED_MEDIA_TYPE")
        try:
            body = request_checks.json_body(request)
        except ValueError as error:
            return self.refusal(400, f"Invalid JSON submitted. {error}", "category:INVALID_JSON")
        if fault_text := request_checks.mistyped(body, {"text": str}, {"text"}):
            return self.refusal(400, f"Json deserialize error: {fault_text}", "category:INVALID_JSON")
        assert isinstance(body, dict)
        if not body["text"]:
            return self.refusal(400, "Input text contains no characters.", "Bad Request")
        if len(body["text"]) > MAX_TEXT_CHARACTERS:
            return self.refusal(413, "Input text exceeds maximum character limit of 2000.", "PAYLOAD_TOO_LARGE")
        behaviour = request.query["model"].removeprefix(f"{MODEL}-").removesuffix("-en")
        return Speech(behaviour, body["text"], {**body, "query": dict(request.query)})

    def _bad_query(self, request: Request) -> Behaviour | None:
        query = request.query
        message = ""
        if unknown := sorted(set(query) - _QUERY):
            message = f"Failed to deserialize query parameters: unknown field `{unknown[0]}`"
        elif query.get("model", "") not in map(voice_id, self.behaviours):
            message = "No such model/version combination found."
        elif (query.get("encoding"), query.get("container"), query.get("sample_rate")) != ("linear16", "none", "24000"):
            # Deepgram would send MP3 or WAV here.
            message = "Unsupported audio format"
        elif not _is_speed(query.get("speed", "1")):
            message = "Invalid speed: must be 0.7 to 1.5"
        return self.refusal(400, message, "INVALID_QUERY_PARAMETER") if message else None

    def _voices(self, request: Request) -> Behaviour:
        if request.query:
            return self.refusal(400, "Failed to deserialize query parameters", "INVALID_QUERY_PARAMETER")
        models = [
            {"name": each, "canonical_name": voice_id(each), "architecture": MODEL, "languages": ["en", "en-US"]}
            for each in self.behaviours
        ]
        models.append({"name": "asteria", "canonical_name": "aura-asteria-en", "architecture": "aura"})
        return self.voices_answer({"stt": [{"name": "nova-3", "canonical_name": "nova-3"}], "tts": models})


def _is_speed(value: str) -> bool:
    try:
        return 0.7 <= float(value) <= 1.5
    except ValueError:
        return False


if __name__ == "__main__":
    speech_server.serve(DeepgramServer, __doc__)
