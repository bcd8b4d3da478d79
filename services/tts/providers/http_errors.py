"""Why an HTTP answer holds no speech, as far as it is the same with every provider."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.runtime.outside_text import one_line
from services.tts.domain import FailureKind

# What is read of a provider's words to find out what they mean; less of it is shown.
MAX_SAID_CHARACTERS = 2000
MAX_PLACE_CHARACTERS = 50

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
_FULL = re.compile(r"concurren|simultaneous", re.IGNORECASE)
_SPENT = re.compile(r"quota|credit|billing|payment|balance", re.IGNORECASE)
# Where JSON errors have their words, the most telling first.
_WORDS = (
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
_SLOWER = re.compile(r"rate.?limit|too many requests|slow down|throttl", re.IGNORECASE)
_KEY = re.compile(
    r"(invalid|incorrect|missing|unknown|expired|bad) (api.?)?key|api.?key.{0,20}(invalid|missing|expired)"
    r"|unauthori[sz]ed",
    re.IGNORECASE,
)


class UnusableBody(Exception):
    """The body holds no samples that can be used; the message goes on after the provider's name."""


class BrokenOff(Exception):
    """The body ended before its own end, at which another try may help; the message says how, if that is known."""


class ToldError(Exception):
    """The server said in mid-answer that it failed. `value` is what it said: JSON as its value, or text."""

    def __init__(self, value: object) -> None:
        super().__init__(str(value))
        self.value = value


class TextAnswer(Exception):
    """The body, or its end, is text. The message goes on after the provider's name; `content` is the text itself."""

    def __init__(self, message: str, content: bytes) -> None:
        super().__init__(message)
        self.content = content


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a provider says of its refusal: the kind, None if only the status tells it, and its words."""

    kind: FailureKind | None = None
    told: str = ""
    concurrency_full: bool = False


Explain = Callable[[int, Any], Refusal]
"""Reads a provider's own error from status and body: parsed JSON, or text that is not HTML."""


def kind_of_status(status: int) -> FailureKind:
    """Returns what an HTTP status alone says of why there is no audio."""
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


def refusal_of(status: int, told: str, codes: Mapping[str, FailureKind], *said: object) -> Refusal:
    """Returns the refusal by the first of the codes said that is known, or else by the provider's words.

    Words only narrow down what the status says; a code counts whatever the status.
    """
    known = [code for code in map(text_of, said) if code in codes]
    kind = codes[known[0]] if known else None
    if kind is None and kind_of_status(status) is FailureKind.INVALID_REQUEST:
        if _TOO_LONG.search(told):
            kind = FailureKind.TEXT_TOO_LONG
        elif _UNKNOWN_VOICE.search(told):
            kind = FailureKind.UNKNOWN_VOICE
    words = " ".join(filter(None, [*map(text_of, said), told]))
    full = status == 429 and kind in (None, FailureKind.RATE_LIMITED) and bool(_FULL.search(words))
    if kind is None and status == 429 and not full and _SPENT.search(told):
        kind = FailureKind.QUOTA_EXCEEDED
    return Refusal(kind, told, full)


def refusal_in_answer(explain: Explain, body: Any) -> Refusal:
    """Returns the refusal that an answer with status 200 holds: its words, and the kind if status or words tell it.

    Some servers, and gateways before them, say the true status in the body.
    """
    status = _stated_status(body)
    refusal = explain(status or 400, body)
    told = refusal.told or words_of(body) or ("" if isinstance(body, str) else json.dumps(body))
    kind = refusal.kind or (kind_of_status(status) if status else None)
    if kind in (None, FailureKind.INVALID_REQUEST, FailureKind.PROVIDER_UNAVAILABLE):
        by_words = (
            (_SPENT, FailureKind.QUOTA_EXCEEDED),
            (_FULL, FailureKind.RATE_LIMITED),
            (_SLOWER, FailureKind.RATE_LIMITED),
            (_KEY, FailureKind.CREDENTIALS_REJECTED),
        )
        kind = next((kind for pattern, kind in by_words if pattern.search(told)), kind)
    return Refusal(kind, told, refusal.concurrency_full)


def validation_message(detail: object) -> str:
    """Returns what FastAPI's list of validation faults says, `[{loc, msg, type}]`; empty if it is none."""
    if not isinstance(detail, list):
        return ""
    faults = [fault for fault in detail[:3] if isinstance(fault, dict)]
    return "; ".join(f"{_place(fault.get('loc'))}: {text_of(fault.get('msg', fault.get('type')))}" for fault in faults)


def parsed(content: bytes | str) -> Any:
    """Returns the value of a JSON text; ValueError if it is none, or is nested too deeply to be meant well."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def words_of(value: object, depth: int = 3) -> str:
    """Returns what a JSON error says in whatever shape, such as a gateway's before the provider; "" if nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and depth:
        return words_of(value[0], depth - 1)
    if isinstance(value, dict) and depth:
        parts = (words_of(value[name], depth - 1) for name in _WORDS if name in value)
        return next(filter(None, parts), "")
    return ""


def text_of(value: object) -> str:
    """Returns a string, cleaned, and nothing for anything else: what is said to people must be words."""
    return one_line(value, MAX_SAID_CHARACTERS) if isinstance(value, str) else ""


def _stated_status(body: Any) -> int | None:
    """Returns the HTTP status of a failure that a JSON body says, None if it says none."""
    if not isinstance(body, dict):
        return None
    for part in (body, body.get("error"), body.get("detail")):
        if isinstance(part, dict):
            for name in ("status", "status_code", "statusCode", "code"):
                value = part.get(name)
                if isinstance(value, int) and 400 <= value < 600:
                    return value
    return None


def _place(loc: object) -> str:
    if not isinstance(loc, list):
        return "request"
    return ".".join(one_line(str(part), MAX_PLACE_CHARACTERS) for part in loc[:10] if part != "body")
