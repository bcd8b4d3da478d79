"""Reads errors from HTTP responses: the rules that are the same for every provider."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.runtime.outside_text import one_line
from services.tts.domain import FailureKind

# The part of a provider's words that is read to classify an error. Messages show less of it.
MAX_ERROR_CHARACTERS = 2000
MAX_LOCATION_CHARACTERS = 50

_TOO_LONG = re.compile(
    r"(text|transcript|input|string|payload)\b.{0,60}too (long|large)|too many characters"
    r"|(exceed|more than|at most|maximum)\D{0,40}(\d[\d,]* )?(characters?|length)|characters? limit|string_too_long",
    re.IGNORECASE,
)
_UNKNOWN_VOICE = re.compile(
    r"(voice|model)s?\b.{0,80}(not found|not exist|unknown|no such|not (available|supported|valid))"
    r"|(unknown|no such|invalid|unsupported) (voice|model)",
    re.IGNORECASE,
)
_CONCURRENCY = re.compile(r"concurren|simultaneous", re.IGNORECASE)
_QUOTA = re.compile(r"quota|credit|billing|payment|balance", re.IGNORECASE)
# The fields of JSON errors that hold a message, the most specific first.
_MESSAGE_FIELDS = (
    "message",
    "error_message",
    "err_msg",
    "msg",
    "detail",
    "details",
    "error_description",
    "description",
    "error",
    "errors",
    "title",
    "reason",
)
_RATE_LIMIT = re.compile(r"rate.?limit|too many requests|slow down|throttl", re.IGNORECASE)
_API_KEY = re.compile(
    r"(invalid|incorrect|missing|unknown|expired|bad) (api.?)?key|api.?key.{0,20}(invalid|missing|expired)"
    r"|unauthori[sz]ed",
    re.IGNORECASE,
)


class UnusableBody(Exception):
    """The body holds no usable samples. The message continues a sentence that begins with the provider's name."""


class TruncatedBody(Exception):
    """The body ended too early, so another try can help. The message says where it ended, and is empty if unknown."""


class ReportedError(Exception):
    """The server reported an error within a response with status 200. `value` is a JSON value or a text."""

    def __init__(self, value: object) -> None:
        super().__init__(str(value))
        self.value = value


class TextBody(Exception):
    """The body, or its end, is text.

    The message continues a sentence that begins with the provider's name. `content` is the text.
    """

    def __init__(self, message: str, content: bytes) -> None:
        super().__init__(message)
        self.content = content


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """A provider's error as its body describes it. `kind` is None if only the HTTP status decides it."""

    kind: FailureKind | None = None
    message: str = ""
    concurrency_full: bool = False


ErrorReader = Callable[[int, Any], ErrorDetails]
"""Reads a provider's error from the status and the body, which is a JSON value or a text, never HTML."""


def kind_of_status(status: int) -> FailureKind:
    """Returns the kind of failure that an HTTP status means."""
    if status in (401, 403):
        return FailureKind.CREDENTIALS_REJECTED
    if status == 402:
        return FailureKind.QUOTA_EXCEEDED
    if status == 413:
        return FailureKind.TEXT_TOO_LONG
    if status == 429:
        return FailureKind.RATE_LIMITED
    if 400 <= status < 500 and status not in (408, 425):
        return FailureKind.INVALID_REQUEST
    return FailureKind.PROVIDER_UNAVAILABLE


def classify_error(status: int, message: str, codes: Mapping[str, FailureKind], *reported: object) -> ErrorDetails:
    """Returns the details of an error: its kind by the first known code of `reported`, otherwise by its message.

    A code counts with every status. A message only refines the kind that the status means.
    """
    known = [code for code in map(clean_text, reported) if code in codes]
    kind = codes[known[0]] if known else None
    if kind is None and kind_of_status(status) is FailureKind.INVALID_REQUEST:
        if _TOO_LONG.search(message):
            kind = FailureKind.TEXT_TOO_LONG
        elif _UNKNOWN_VOICE.search(message):
            kind = FailureKind.UNKNOWN_VOICE
    words = " ".join(filter(None, [*map(clean_text, reported), message]))
    full = status == 429 and kind in (None, FailureKind.RATE_LIMITED) and bool(_CONCURRENCY.search(words))
    if kind is None and status == 429 and not full and _QUOTA.search(message):
        kind = FailureKind.QUOTA_EXCEEDED
    return ErrorDetails(kind, message, full)


def error_in_response(read_error: ErrorReader, body: Any) -> ErrorDetails:
    """Returns the error that a response with status 200 contains. Its kind is None if neither body nor words name one.

    Some servers and proxies state the true status in the body.
    """
    status = _stated_status(body)
    details = read_error(status or 400, body)
    message = details.message or message_in(body) or ("" if isinstance(body, str) else json.dumps(body))
    kind = details.kind or (kind_of_status(status) if status else None)
    if kind in (None, FailureKind.INVALID_REQUEST, FailureKind.PROVIDER_UNAVAILABLE):
        by_words = (
            (_QUOTA, FailureKind.QUOTA_EXCEEDED),
            (_CONCURRENCY, FailureKind.RATE_LIMITED),
            (_RATE_LIMIT, FailureKind.RATE_LIMITED),
            (_API_KEY, FailureKind.CREDENTIALS_REJECTED),
        )
        kind = next((kind for pattern, kind in by_words if pattern.search(message)), kind)
    return ErrorDetails(kind, message, details.concurrency_full)


def validation_message(detail: object) -> str:
    """Returns the message of FastAPI's validation errors, `[{loc, msg, type}]`, "" if it is not such a list."""
    if not isinstance(detail, list):
        return ""
    faults = [fault for fault in detail[:3] if isinstance(fault, dict)]
    return "; ".join(
        f"{_location(fault.get('loc'))}: {clean_text(fault.get('msg', fault.get('type')))}" for fault in faults
    )


def parse_json(content: bytes | str) -> Any:
    """Returns the value of a JSON text. Raises ValueError if it is not JSON or is nested too deeply."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def message_in(value: object, depth: int = 3) -> str:
    """Returns the message in a JSON error of unknown shape, such as the error of a proxy, "" if it has none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and depth:
        return message_in(value[0], depth - 1)
    if isinstance(value, dict) and depth:
        parts = (message_in(value[name], depth - 1) for name in _MESSAGE_FIELDS if name in value)
        return next(filter(None, parts), "")
    return ""


def clean_text(value: object) -> str:
    """Returns a string without control characters, "" for any other value."""
    return one_line(value, MAX_ERROR_CHARACTERS) if isinstance(value, str) else ""


def _stated_status(body: Any) -> int | None:
    """Returns the HTTP status of a failure that a JSON body states, None if it states none."""
    if not isinstance(body, dict):
        return None
    for part in (body, body.get("error"), body.get("detail")):
        if isinstance(part, dict):
            for name in ("status", "status_code", "statusCode", "code"):
                value = part.get(name)
                if isinstance(value, int) and 400 <= value < 600:
                    return value
    return None


def _location(loc: object) -> str:
    if not isinstance(loc, list):
        return "request"
    return ".".join(one_line(str(part), MAX_LOCATION_CHARACTERS) for part in loc[:10] if part != "body")
