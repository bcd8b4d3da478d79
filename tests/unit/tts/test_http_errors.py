"""Every shape of a provider's error becomes one of a few kinds of failure."""

from collections.abc import Callable

import pytest

from services.tts.domain import FailureKind
from services.tts.providers import cartesia, deepgram, elevenlabs, openai_compatible, smallestai
from services.tts.providers.http_errors import (
    ErrorDetails,
    error_in_response,
    kind_of_status,
    message_in,
)

K = FailureKind
ErrorReader = Callable[[int, object], ErrorDetails]


@pytest.mark.parametrize(
    ("read_error", "status", "body", "expected"),
    [
        # Cartesia: JSON with or without a code, and the plain text of older versions.
        (
            cartesia.read_error,
            429,
            {"error_code": "concurrency_limited", "title": "Too many", "message": "Wait."},
            ErrorDetails(K.RATE_LIMITED, "Wait.", True),
        ),
        (
            cartesia.read_error,
            500,
            {"error_code": None, "title": "Broken", "message": ""},
            ErrorDetails(None, "Broken"),
        ),
        (
            cartesia.read_error,
            429,
            "Too many concurrent requests: you have 2",
            ErrorDetails(None, "Too many concurrent requests: you have 2", True),
        ),
        (
            cartesia.read_error,
            404,
            "Voice not found: there is no x",
            ErrorDetails(K.UNKNOWN_VOICE, "Voice not found: there is no x"),
        ),
        (
            cartesia.read_error,
            400,
            "Invalid request: transcript is too long",
            ErrorDetails(K.TEXT_TOO_LONG, "Invalid request: transcript is too long"),
        ),
        # ElevenLabs: by `code`, by the older `status`, and lists of errors.
        (
            elevenlabs.read_error,
            401,
            {"detail": {"status": "quota_exceeded", "message": "Spent."}},
            ErrorDetails(K.QUOTA_EXCEEDED, "Spent."),
        ),
        (
            elevenlabs.read_error,
            401,
            {"detail": {"type": "authentication_error", "code": "invalid_api_key", "message": "No."}},
            ErrorDetails(None, "No."),
        ),
        (
            elevenlabs.read_error,
            429,
            {"detail": {"code": "concurrent_limit_exceeded", "message": "Full."}},
            ErrorDetails(K.RATE_LIMITED, "Full.", True),
        ),
        (
            elevenlabs.read_error,
            429,
            {"detail": {"status": "too_many_concurrent_requests", "message": "Full."}},
            ErrorDetails(K.RATE_LIMITED, "Full.", True),
        ),
        (
            elevenlabs.read_error,
            429,
            {"detail": {"code": "rate_limit_exceeded", "message": "Slow down."}},
            ErrorDetails(K.RATE_LIMITED, "Slow down."),
        ),
        (
            elevenlabs.read_error,
            400,
            {"detail": {"status": "max_character_limit_exceeded", "message": "Long."}},
            ErrorDetails(K.TEXT_TOO_LONG, "Long."),
        ),
        (
            elevenlabs.read_error,
            404,
            {"detail": {"code": ["odd"], "status": "voice_not_found", "message": "Who?"}},
            ErrorDetails(K.UNKNOWN_VOICE, "Who?"),
        ),
        (
            elevenlabs.read_error,
            422,
            {"detail": [{"loc": ["body", "seed"], "msg": "must be an integer", "type": "int_type"}]},
            ErrorDetails(None, "seed: must be an integer"),
        ),
        # Smallest AI: `error` is a code, a sentence, or an object.
        (
            smallestai.read_error,
            429,
            {"error": "rate_limit_exceeded", "message": "Concurrency limit reached"},
            ErrorDetails(K.RATE_LIMITED, "Concurrency limit reached", True),
        ),
        (smallestai.read_error, 400, {"error": "Invalid voice id"}, ErrorDetails(K.UNKNOWN_VOICE, "Invalid voice id")),
        (
            smallestai.read_error,
            403,
            {"error": {"message": "Nothing left", "code": "quota_exceeded"}},
            ErrorDetails(K.QUOTA_EXCEEDED, "Nothing left"),
        ),
        # Deepgram: by code, by category, and plain text.
        (
            deepgram.read_error,
            400,
            {"err_code": "INVALID_QUERY_PARAMETER", "err_msg": "No such model/version combination found."},
            ErrorDetails(K.UNKNOWN_VOICE, "No such model/version combination found."),
        ),
        (
            deepgram.read_error,
            400,
            {"category": "INVALID_JSON", "message": "Invalid JSON submitted.", "details": "missing field `text`"},
            ErrorDetails(None, "Invalid JSON submitted. missing field `text`"),
        ),
        (
            deepgram.read_error,
            429,
            {"err_code": "TOO_MANY_REQUESTS", "err_msg": "Later."},
            ErrorDetails(K.RATE_LIMITED, "Later.", True),
        ),
        (deepgram.read_error, 429, "Too many", ErrorDetails(None, "Too many", True)),
        (
            deepgram.read_error,
            402,
            {"err_code": "ASR_PAYMENT_REQUIRED", "err_msg": "Pay."},
            ErrorDetails(K.QUOTA_EXCEEDED, "Pay."),
        ),
        (
            deepgram.read_error,
            400,
            {"err_code": "Bad Request", "err_msg": "Input text exceeds maximum character limit of 2000."},
            ErrorDetails(K.TEXT_TOO_LONG, "Input text exceeds maximum character limit of 2000."),
        ),
        # OpenAI and compatible servers.
        (
            openai_compatible.read_error,
            429,
            {"error": {"message": "spent", "type": "insufficient_quota"}},
            ErrorDetails(K.QUOTA_EXCEEDED, "spent"),
        ),
        (openai_compatible.read_error, 429, {"error": {"message": "no", "code": None}}, ErrorDetails(None, "no")),
        (openai_compatible.read_error, 500, {"detail": "not so"}, ErrorDetails(None, "not so")),
        (
            openai_compatible.read_error,
            400,
            {"detail": {"error": "validation_error", "message": "Voice 'x' not found. Available voices: a, b"}},
            ErrorDetails(K.UNKNOWN_VOICE, "Voice 'x' not found. Available voices: a, b"),
        ),
        (
            openai_compatible.read_error,
            422,
            {
                "detail": [
                    {
                        "loc": ["body", "input"],
                        "msg": "String should have at most 4096 characters",
                        "type": "string_too_long",
                    }
                ]
            },
            ErrorDetails(K.TEXT_TOO_LONG, "input: String should have at most 4096 characters"),
        ),
        (
            openai_compatible.read_error,
            400,
            {"error": {"message": "Invalid value: 'x'.", "param": "voice", "code": "invalid_value"}},
            ErrorDetails(K.UNKNOWN_VOICE, "Invalid value: 'x'."),
        ),
        (
            openai_compatible.read_error,
            400,
            {"error": "speed is out of range"},
            ErrorDetails(None, "speed is out of range"),
        ),
    ],
)
def test_a_providers_error_is_read(read_error: ErrorReader, status: int, body: object, expected: ErrorDetails) -> None:
    assert read_error(status, body) == expected


@pytest.mark.parametrize(
    "body", ["", None, [], 5, {}, {"error": 5}, {"detail": [5, {"loc": 1}]}, {"error": {"code": []}}]
)
@pytest.mark.parametrize("module", [cartesia, elevenlabs, smallestai, deepgram, openai_compatible])
def test_a_body_of_unknown_shape_leaves_the_kind_to_the_status(module: object, body: object) -> None:
    read_error: ErrorReader = module.read_error  # type: ignore[attr-defined]
    assert read_error(500, body).kind is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, K.PROVIDER_UNAVAILABLE),
        (302, K.PROVIDER_UNAVAILABLE),
        (400, K.INVALID_REQUEST),
        (401, K.CREDENTIALS_REJECTED),
        (402, K.QUOTA_EXCEEDED),
        (403, K.CREDENTIALS_REJECTED),
        (404, K.INVALID_REQUEST),
        (408, K.PROVIDER_UNAVAILABLE),
        (413, K.TEXT_TOO_LONG),
        (425, K.PROVIDER_UNAVAILABLE),
        (429, K.RATE_LIMITED),
        (503, K.PROVIDER_UNAVAILABLE),
    ],
)
def test_each_status_means_a_kind(status: int, kind: FailureKind) -> None:
    assert kind_of_status(status) is kind


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ({"error": {"message": "Spent.", "code": "insufficient_quota"}}, K.QUOTA_EXCEEDED, "Spent."),
        ({"error": "You exceeded your current quota"}, K.QUOTA_EXCEEDED, "You exceeded your current quota"),
        ({"fault": {"x": "no credits left"}}, K.QUOTA_EXCEEDED, '{"fault": {"x": "no credits left"}}'),
        ("Payment required", K.QUOTA_EXCEEDED, "Payment required"),
        ({"message": "Rate limit reached"}, K.RATE_LIMITED, "Rate limit reached"),
        ({"message": "Too many concurrent requests"}, K.RATE_LIMITED, "Too many concurrent requests"),
        ({"error": {"code": 429, "message": "Slow"}}, K.RATE_LIMITED, "Slow"),
        ({"statusCode": 402, "message": "No"}, K.QUOTA_EXCEEDED, "No"),
        ({"status": 503, "title": "Overloaded"}, K.PROVIDER_UNAVAILABLE, "Overloaded"),
        ({"status": 200, "message": "OK"}, None, "OK"),
        ({"status": True, "code": "5xx", "message": "odd"}, None, "odd"),
        ({"error": {"message": "Invalid API key"}}, K.CREDENTIALS_REJECTED, "Invalid API key"),
        ({"error": {"message": "The voice x does not exist"}}, K.UNKNOWN_VOICE, "The voice x does not exist"),
        ({"detail": "input is too long"}, K.TEXT_TOO_LONG, "input is too long"),
        ({"error": {"message": "The voice was lost"}}, None, "The voice was lost"),
        ("", None, ""),
        ([], None, "[]"),
        (5, None, "5"),
    ],
)
def test_an_error_with_status_200_is_read_like_any_error(body: object, kind: FailureKind | None, message: str) -> None:
    details = error_in_response(openai_compatible.read_error, body)
    assert (details.kind, details.message) == (kind, message)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"errors": [{"msg": "first"}, {"msg": "second"}]}, "first"),
        ({"message": "", "error": {"reason": "told"}}, "told"),
        ({"error": {"error": {"error": {"error": "too deep"}}}}, ""),
        ({"error": {"code": 5}}, ""),
        (None, ""),
    ],
)
def test_a_message_is_found_in_any_shape(body: object, words: str) -> None:
    assert message_in(body) == words
