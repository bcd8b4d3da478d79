"""An API key is in nothing that is said, kept or logged, whatever a provider's answers repeat of it."""

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
from services.tts.providers.registry import Providers
from services.tts.providers.secrecy import Secret, unquoted
from tests.fakes.speech_server import Temper
from tests.unit.tts.hosted import HELLO, KEY, Booth, Hosted

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
# Every piece of the key that is long enough to be told from chance, in each spelling of it.
PIECES = {
    spelling[at : at + 8]
    for whole in (KEY, KEY.upper(), KEY.lower(), quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode()[:-4])
    for spelling in (whole,)
    for at in range(len(spelling) - 7)
}


def shows_key(text: str) -> bool:
    return any(piece in text for piece in PIECES)


def everything_of(error: BaseException) -> str:
    """Returns all that could be shown of an error: itself and what it came from, with their attributes."""
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
def heard(caplog: pytest.LogCaptureFixture):  # type: ignore[no-untyped-def]
    """Collects what is logged, by this project and by the libraries, as it is with the levels of a running service."""
    caplog.set_level(logging.WARNING)
    with structlog.testing.capture_logs() as logs:
        yield lambda: caplog.text + repr(logs)


async def failures(booth: Booth) -> list[SynthesisError]:
    """Speaks, and lists voices, and returns how both fail."""
    found = []
    for doing in (booth.spoken("telltale"), booth.engine.voices()):
        with pytest.raises(SynthesisError) as caught:
            await doing
        found.append(caught.value)
    return found


def shapes_of(told: str) -> list[str]:
    """Returns every shape of an error that some provider has, with this in each of its fields."""
    return [
        told,
        json.dumps({"error": {"message": told, "code": told, "type": told}}),
        json.dumps({"error": told, "message": told}),
        json.dumps({"error_code": told, "title": told, "message": told}),
        json.dumps({"detail": {"message": told, "code": told, "status": told}}),
        json.dumps({"detail": [{"loc": ["header", told], "msg": told}]}),
        json.dumps({"err_code": told, "err_msg": told}),
        json.dumps({"category": told, "message": told, "details": told}),
    ]


def test_the_pieces_tell_a_key() -> None:
    assert all(shows_key(spelling) for spelling in (KEY, KEY.upper(), quote(KEY, safe="")))
    assert not shows_key("OpenAI answered 401: it does not take the API key")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429, 500, 503])
async def test_a_key_repeated_in_any_shape_of_an_error_is_not_passed_on(provider: Hosted, status: int) -> None:
    engine = provider.engine("http://127.0.0.1:1", KEY)
    for spelling in SPELLINGS.values():
        echo = {"x-region": spelling, "retry-after": spelling, "maximum-concurrent-requests": spelling}
        for body in shapes_of(f"denied for {spelling} here"):
            answer = httpx.Response(status, headers=echo, stream=httpx.ByteStream(body.encode()))
            error = await engine._client._refusal(answer)  # type: ignore[attr-defined]
            assert error.message.startswith(f"{provider.name} answered {status}")
            shown = everything_of(error)
            assert not shows_key(shown), shown
    await engine.close()


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_a_key_repeated_over_the_wire_is_neither_passed_on_nor_logged(
    booth: Booth, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with heard(caplog) as logged:
        for spelling in SPELLINGS.values():
            temper = Temper(status, "text/plain", f"denied for {spelling} here".encode(), {"x-region": spelling})
            booth.server.tempers["telltale"] = booth.server.listing = temper
            for error in await failures(booth):
                assert not shows_key(everything_of(error))
        await Providers([booth.engine], 1).refresh()
        assert not shows_key(logged())


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
async def test_a_key_repeated_in_the_head_of_an_answer_is_not_passed_on(booth: Booth, spelling: str) -> None:
    booth.server.tempers["telltale"] = Temper(content_type=f"text/{spelling}")
    assert not shows_key(everything_of(await booth.failure("telltale")))
    timing = Timing()
    booth.server.tempers["steady"] = Temper(headers={"x-region": spelling[:40], "x-ms-region": spelling[:40]})
    await booth.spoken("steady", timing)
    assert not shows_key(repr(timing))


@pytest.mark.parametrize(
    "temper", ["unauthorized", "broken", "html", "mp3", "hidden_mp3", "limited", "full", "failing", "redirecting"]
)
async def test_an_error_holds_no_request_and_so_no_header(booth: Booth, temper: str) -> None:
    error = await booth.failure(temper)
    assert not shows_key(everything_of(error))
    assert (error.__cause__, error.__context__) == (None, None)


async def test_a_provider_that_can_not_be_reached_tells_no_key(
    provider: Hosted, caplog: pytest.LogCaptureFixture
) -> None:
    engine = provider.engine("http://127.0.0.1:1", KEY)
    with heard(caplog) as logged:
        providers = Providers([engine], 1)
        await providers.refresh()
        with pytest.raises(SynthesisError) as caught:
            await engine.voices()
        await providers.close()
        assert not shows_key(everything_of(caught.value))
        assert not shows_key(logged())


async def test_a_key_is_in_no_description_of_what_holds_it(booth: Booth) -> None:
    request = booth.engine._request(booth.utterance("steady"))  # type: ignore[attr-defined]
    holders = [booth.engine, vars(booth.engine).get("_account"), vars(booth.engine).get("_endpoint"), request]
    assert not shows_key(repr(holders))
    assert HELLO not in repr(request)


@pytest.mark.parametrize("key", ["k", "four", "12345678", KEY])
@pytest.mark.parametrize("around", ["", " ", "x", "…"])
def test_a_key_of_any_length_is_redacted(key: str, around: str) -> None:
    assert Secret(key).redact(f"<{around}{key}{around}>") == f"<{around}***{around}>"


@pytest.mark.parametrize("before", range(7))
def test_base64_is_known_wherever_the_key_begins_in_it(before: int) -> None:
    told = base64.b64encode(b"a" * before + KEY.encode() + b"tail").decode()
    redacted = Secret(KEY).redact(f"sent {told} back")
    assert "***" in redacted
    # At the edges a character or two share their bits with what is beside the key.
    assert len(redacted) <= len("sent *** back") + 4 * (before // 3 + 1) + 8


def test_text_without_the_key_is_left_as_it_is() -> None:
    assert Secret(KEY).redact("Rate limit reached, sk_live or not") == "Rate limit reached, sk_live or not"
    assert Secret("").redact("any text") == "any text"
    # Some capitals are longer in lower case, so that places differ: better nothing than the wrong part.
    assert Secret(KEY).redact(f"İ {KEY}") == "***"
    assert repr(Secret(KEY)) == "Secret(***)"


async def test_a_message_is_at_most_200_characters_after_the_name(booth: Booth) -> None:
    booth.server.tempers["telltale"] = Temper(500, "text/plain", b"word " * 20_000)
    error = await booth.failure("telltale")
    assert len(error.message) <= len(booth.hosted.name) + 1 + 200


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
def test_pieces_of_the_text_are_left_out(message: str, logged: str) -> None:
    assert unquoted(message, TEXT) == logged


def test_a_short_text_is_left_out_whole_and_none_leaves_everything() -> None:
    assert unquoted("can't say 'Ada' now", "Ada") == "can't say '...' now"
    assert unquoted("can't say that", "") == "can't say that"
