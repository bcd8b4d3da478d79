"""No message, log or stored value contains an API key, even if a provider repeats the key in its responses."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import traceback
from urllib.parse import quote

import httpx
import pytest
import structlog

from services.tts.domain import SynthesisError, Timing
from services.tts.providers.redaction import KeyRedactor, without_text
from services.tts.providers.registry import ProviderRegistry
from tests.fakes.speech_server import Behaviour
from tests.unit.tts.hosted import HELLO, KEY, HostedCase, HostedSetup

SPELLINGS = {
    "whole": KEY,
    "upper case": KEY.upper(),
    "bearer": f"Bearer {KEY}",
    "begin": f"{KEY[:10]}...",
    "end": f"...{KEY[-9:]}",
    "percent-encoded": quote(KEY, safe=""),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of a header": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "base64 of a login": base64.urlsafe_b64encode(f"user:{KEY}:more".encode()).decode(),
    "JSON": json.dumps(KEY).replace("/", "\\/"),
}
# Every piece of the key, in each spelling, that is long enough not to occur by chance.
PIECES = {
    spelling[at : at + 8]
    for whole in (KEY, KEY.upper(), KEY.lower(), quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode()[:-4])
    for spelling in (whole,)
    for at in range(len(spelling) - 7)
}


def shows_key(text: str) -> bool:
    return any(piece in text for piece in PIECES)


def everything_of(error: BaseException) -> str:
    """Returns everything that could be shown of an error: the error and its causes, with their attributes."""
    parts, seen = [], set()
    queue: list[BaseException | None] = [error]
    while queue:
        each = queue.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        parts += [str(each), repr(each), repr(vars(each)), "".join(traceback.format_exception(each))]
        request = getattr(each, "_request", None)
        parts.append(repr(getattr(request, "headers", "")) + repr(dict(getattr(request, "headers", {}))))
        queue += [each.__cause__, each.__context__]
    return "\n".join(parts)


@contextlib.contextmanager
def captured_logs(caplog: pytest.LogCaptureFixture):  # type: ignore[no-untyped-def]
    """Collects the log lines of this project and of the libraries, with the log levels of a running service."""
    caplog.set_level(logging.WARNING)
    with structlog.testing.capture_logs() as logs:
        yield lambda: caplog.text + repr(logs)


async def failures(setup: HostedSetup) -> list[SynthesisError]:
    """Speaks and lists voices, and returns the errors of both."""
    found = []
    for doing in (setup.spoken("telltale"), setup.engine.voices()):
        with pytest.raises(SynthesisError) as caught:
            await doing
        found.append(caught.value)
    return found


def shapes_of(message: str) -> list[str]:
    """Returns every shape of error that a provider sends, with `message` in each of its fields."""
    return [
        message,
        json.dumps({"error": {"message": message, "code": message, "type": message}}),
        json.dumps({"error": message, "message": message}),
        json.dumps({"error_code": message, "title": message, "message": message}),
        json.dumps({"detail": {"message": message, "code": message, "status": message}}),
        json.dumps({"detail": [{"loc": ["header", message], "msg": message}]}),
        json.dumps({"err_code": message, "err_msg": message}),
        json.dumps({"category": message, "message": message, "details": message}),
    ]


def test_the_pieces_detect_a_key() -> None:
    assert all(shows_key(spelling) for spelling in (KEY, KEY.upper(), quote(KEY, safe="")))
    assert not shows_key("OpenAI returned HTTP 401: it rejected the API key")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429, 500, 503])
async def test_a_key_in_any_shape_of_error_is_not_passed_on(provider: HostedCase, status: int) -> None:
    engine = provider.engine("http://127.0.0.1:1", KEY)
    for spelling in SPELLINGS.values():
        echo = {"x-region": spelling, "retry-after": spelling, "maximum-concurrent-requests": spelling}
        for body in shapes_of(f"denied for {spelling} here"):
            answer = httpx.Response(status, headers=echo, stream=httpx.ByteStream(body.encode()))
            error = await engine._client._refusal(answer)  # type: ignore[attr-defined]
            assert error.message.startswith(f"{provider.name} returned HTTP {status}")
            shown = everything_of(error)
            assert not shows_key(shown), shown
    await engine.close()


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_a_key_in_a_response_is_neither_passed_on_nor_logged(
    setup: HostedSetup, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with captured_logs(caplog) as logged:
        for spelling in SPELLINGS.values():
            behaviour = Behaviour(status, "text/plain", f"denied for {spelling} here".encode(), {"x-region": spelling})
            setup.server.behaviours["telltale"] = setup.server.listing = behaviour
            for error in await failures(setup):
                assert not shows_key(everything_of(error))
        await ProviderRegistry([setup.engine], 1).refresh()
        assert not shows_key(logged())


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
async def test_a_key_in_the_headers_of_a_response_is_not_passed_on(setup: HostedSetup, spelling: str) -> None:
    setup.server.behaviours["telltale"] = Behaviour(content_type=f"text/{spelling}")
    assert not shows_key(everything_of(await setup.failure("telltale")))
    timing = Timing()
    setup.server.behaviours["steady"] = Behaviour(headers={"x-region": spelling[:40], "x-ms-region": spelling[:40]})
    await setup.spoken("steady", timing)
    assert not shows_key(repr(timing))


@pytest.mark.parametrize(
    "behaviour", ["unauthorized", "broken", "html", "mp3", "hidden_mp3", "limited", "full", "failing", "redirecting"]
)
async def test_an_error_does_not_hold_the_request(setup: HostedSetup, behaviour: str) -> None:
    error = await setup.failure(behaviour)
    assert not shows_key(everything_of(error))
    assert (error.__cause__, error.__context__) == (None, None)


async def test_the_error_of_an_unreachable_provider_has_no_key(
    provider: HostedCase, caplog: pytest.LogCaptureFixture
) -> None:
    engine = provider.engine("http://127.0.0.1:1", KEY)
    with captured_logs(caplog) as logged:
        providers = ProviderRegistry([engine], 1)
        await providers.refresh()
        with pytest.raises(SynthesisError) as caught:
            await engine.voices()
        await providers.close()
        assert not shows_key(everything_of(caught.value))
        assert not shows_key(logged())


async def test_the_repr_of_an_engine_has_no_key(setup: HostedSetup) -> None:
    request = setup.engine._request(setup.utterance("steady"))  # type: ignore[attr-defined]
    holders = [setup.engine, vars(setup.engine).get("_account"), vars(setup.engine).get("_endpoint"), request]
    assert not shows_key(repr(holders))
    assert HELLO not in repr(request)


@pytest.mark.parametrize("key", ["k", "four", "12345678", KEY])
@pytest.mark.parametrize("around", ["", " ", "x", "…"])
def test_a_key_of_any_length_is_redacted(key: str, around: str) -> None:
    assert KeyRedactor(key).redact(f"<{around}{key}{around}>") == f"<{around}***{around}>"


@pytest.mark.parametrize("before", range(7))
def test_base64_is_redacted_wherever_the_key_begins_in_it(before: int) -> None:
    encoded = base64.b64encode(b"a" * before + KEY.encode() + b"tail").decode()
    redacted = KeyRedactor(KEY).redact(f"sent {encoded} back")
    assert "***" in redacted
    # At the edges, one or two characters share bits with the neighbouring text.
    assert len(redacted) <= len("sent *** back") + 4 * (before // 3 + 1) + 8


def test_text_without_the_key_is_unchanged() -> None:
    assert KeyRedactor(KEY).redact("Rate limit reached, sk_live or not") == "Rate limit reached, sk_live or not"
    assert KeyRedactor("").redact("any text") == "any text"
    # Some capitals are longer in lower case, so positions differ. Then the whole text is hidden.
    assert KeyRedactor(KEY).redact(f"İ {KEY}") == "***"
    assert repr(KeyRedactor(KEY)) == "KeyRedactor(***)"


async def test_a_message_is_at_most_200_characters_after_the_name(setup: HostedSetup) -> None:
    setup.server.behaviours["telltale"] = Behaviour(500, "text/plain", b"word " * 20_000)
    error = await setup.failure("telltale")
    assert len(error.message) <= len(setup.hosted.name) + 1 + 200


TEXT = "Dear Ms Lovelace, your appointment is on Monday."


@pytest.mark.parametrize(
    ("message", "logged"),
    [
        (f"unsupported input: {TEXT}", "unsupported input: ..."),
        ("unsupported input: 'Dear Ms Lovelace, y' (cut)", "unsupported input: '...' (cut)"),
        ("the quota of the account is used up", "the quota of the account is used up"),
        ("is on Mars", "is on Mars"),
    ],
)
def test_pieces_of_the_text_are_removed(message: str, logged: str) -> None:
    assert without_text(message, TEXT) == logged


def test_a_short_text_is_removed_completely_and_an_empty_text_removes_nothing() -> None:
    assert without_text("can't say 'Ada' now", "Ada") == "can't say '...' now"
    assert without_text("can't say that", "") == "can't say that"
