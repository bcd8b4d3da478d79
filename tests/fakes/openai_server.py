"""A stand-in for OpenAI's `/v1/audio/speech`.

It lists its voices under `/v1/audio/voices` as compatible servers do. OpenAI itself has no such route.
Start it with `python -m tests.fakes.openai_server --port 9100 --seconds 0.2`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from tests.fakes import request_checks, speech_server
from tests.fakes.speech_server import SAMPLE_RATE_HZ, Behaviour, Refusal, Request, Speech, SpeechServer, tone

__all__ = ["BEHAVIOURS", "MAX_INPUT_CHARACTERS", "MODEL", "SAMPLE_RATE_HZ", "Behaviour", "OpenAiServer", "tone"]

MAX_INPUT_CHARACTERS = 4096
MODEL = "tts-1"

_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "model": str,
    "input": str,
    "voice": str,
    "response_format": str,
    "speed": (int, float),
    "instructions": str,
}


class OpenAiServer(SpeechServer):
    """The stand-in. Without a key it accepts every request, as most compatible servers do."""

    unauthorized = Refusal(401, "invalid_api_key", "Incorrect API key provided")
    payment = Refusal(402, "billing_hard_limit_reached", "Billing hard limit has been reached")
    spent = Refusal(429, "insufficient_quota", "You exceeded your current quota")
    limited = Refusal(429, "rate_limit_exceeded", "Rate limit reached")
    full = Refusal(429, "rate_limit_exceeded", "Too many concurrent requests")
    failing = Refusal(500, "", "The server had an error")
    overloaded = Refusal(503, "", "The engine is currently overloaded, please try again later")

    lists_voices = True
    """False for OpenAI itself."""

    root = "/v1"
    """The prefix of its routes."""

    def __init__(self, key: str = "", seconds: float = 0.0, allowed_at_once: int | None = None) -> None:
        super().__init__(key, seconds, allowed_at_once)
        self.queries: list[str] = []
        """The query strings of all requests."""

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.root}"

    def refusal(self, status: int, message: str, code: str = "", **headers: str) -> Behaviour:
        return self._refusal(status, message, code, None, headers)

    def answer(self, request: Request) -> Speech | Behaviour:
        route = (request.method, request.path)
        listing = ("GET", f"{self.root}/audio/voices")
        self.queries.append(urlencode(request.query))
        if route != ("POST", f"{self.root}/audio/speech") and not (self.lists_voices and route == listing):
            return self.refusal(404, f"Invalid URL ({request.method} {request.path})")
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            sent = request.headers.get("authorization", "")
            return self.refusal(401, f"Incorrect API key provided: {sent}", "invalid_api_key")
        if route == listing:
            return self.voices_answer({"voices": list(self.behaviours)})
        return self._speech(request)

    def _speech(self, request: Request) -> Speech | Behaviour:
        try:
            body = request_checks.json_body(request)
        except ValueError as error:
            return self.refusal(400, f"We could not parse the JSON body of your request: {error}")
        if fault := request_checks.mistyped(body, _FIELDS, {"model", "input", "voice"}):
            return self.refusal(400, fault)
        assert isinstance(body, dict)
        if body["model"] != MODEL:
            return self.refusal(404, f"The model `{body['model']}` does not exist", "model_not_found")
        if not 0 < len(body["input"]) <= MAX_INPUT_CHARACTERS:
            message = "Invalid 'input': string too long. Expected a string with maximum length 4096"
            return self._refusal(400, message, "string_above_max_length", "input", {})
        if not 0.25 <= body.get("speed", 1.0) <= 4.0:
            return self.refusal(400, "speed: should be 0.25 to 4")
        if body["voice"] not in self.behaviours:
            message = f"Invalid value: '{body['voice']}'. Supported values are: {', '.join(self.behaviours)}"
            return self._refusal(400, message, "invalid_value", "voice", {})
        if body.get("response_format") != "pcm":
            return self.refusal(400, "response_format: only pcm is spoken here")
        return Speech(body["voice"], body["input"], body)

    @staticmethod
    def _refusal(status: int, message: str, code: str, param: str | None, headers: Mapping[str, str]) -> Behaviour:
        kind = "insufficient_quota" if code == "insufficient_quota" else "invalid_request_error"
        error = {"message": message, "type": kind, "param": param, "code": code or None}
        return Behaviour(status, "application/json", json.dumps({"error": error}).encode(), headers)


BEHAVIOURS: Mapping[str, Behaviour] = OpenAiServer().behaviours

if __name__ == "__main__":
    speech_server.serve(OpenAiServer, __doc__)
