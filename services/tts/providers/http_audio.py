"""Speech over HTTP: what every provider that is asked with one POST has in common."""

import re
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from services.runtime.clock import now
from services.runtime.outside_text import decoded, one_line
from services.runtime.retry_after import retry_after_seconds
from services.tts.domain import MAX_RETRY_AFTER_SECONDS, FailureKind, SynthesisError, Timing
from services.tts.providers.audio_body import AudioBody
from services.tts.providers.audio_events import AudioEvents
from services.tts.providers.content_type import Kind, declared_by
from services.tts.providers.http_errors import (
    BrokenOff,
    Explain,
    TextAnswer,
    ToldError,
    UnusableBody,
    kind_of_status,
    parsed,
    refusal_in_answer,
    words_of,
)
from services.tts.providers.secrecy import Secret

CONNECT_SECONDS = 5.0
# Between two pieces of an answer. Whoever asks watches the whole time; this only ends what nobody waits for.
READ_SECONDS = 300.0
KEEPALIVE_SECONDS = 120.0
MAX_ERROR_BYTES = 64 * 1024
MAX_LIST_BYTES = 8 * 1024 * 1024
MAX_MESSAGE_CHARACTERS = 200

# Of the characters of an error; a few may be broken.
MAX_ODD_SHARE = 0.1

_NO_CHARACTER = "\ufffd"
_AS_IT_IS = {"accept-encoding": "identity"}
# Where providers say in which of their regions an answer was made.
_REGION_HEADERS = ("x-region", "x-ms-region")
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
# ElevenLabs's; the others don't tell.
_ALLOWED_CONCURRENCY_HEADER = "maximum-concurrent-requests"
_COUNT = re.compile(r"[1-9]\d{0,3}", re.ASCII)


def route(base_url: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """Returns base URL + path, whatever slashes the base ends with. A query of the base is kept, before `query`."""
    base, _, kept = base_url.partition("?")
    asked = "&".join(filter(None, (kept, urlencode(query or {}))))
    return f"{base.rstrip('/')}{path}" + (f"?{asked}" if asked else "")


def with_version(base_url: str, version: str) -> str:
    """Returns the base URL with a version such as `/v1` if it is a bare host, and as it is if it has a path."""
    return base_url if urlsplit(base_url).path.strip("/") else route(base_url, version)


def without_version(base_url: str, *versions: str) -> str:
    """Returns the base URL without the first of the versions that its path ends with. For a provider whose routes have
    their versions in them, since people copy the base from examples that have it."""
    base, _, kept = base_url.partition("?")
    base = base.rstrip("/")
    ending = next((version for version in versions if base.endswith(version)), "")
    return base.removesuffix(ending) + (f"?{kept}" if kept else "")


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A POST whose answer is audio. `sample_rate_hz` is what raw samples are taken to have if the answer is silent."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, object] = field(repr=False)
    sample_rate_hz: int


class AudioClient:
    """Asks one provider over connections that are kept open.

    The key, `secret`, is in no error: neither in its message nor in what it was caused by, which is left out because
    errors of HTTP hold the request with its headers.
    """

    def __init__(self, name: str, max_concurrency: int, secret: str, explain: Explain) -> None:
        self._name = name
        self._secret = Secret(secret)
        self._explain = explain
        # One more than speak at a time, so that a list of voices takes nobody's place.
        self._most_connections = max_concurrency + 1

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        """Made when it is first needed: its certificates cost time and memory, and most providers are not used."""
        return httpx.AsyncClient(
            http2=True,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(
                max_connections=self._most_connections,
                max_keepalive_connections=self._most_connections,
                keepalive_expiry=KEEPALIVE_SECONDS,
            ),
            # A key must not follow a redirect to wherever it points.
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Closes all connections."""
        if "_client" in vars(self):
            await self._client.aclose()

    async def speak(self, request: SpeechRequest, timing: Timing) -> AsyncGenerator[bytes, None]:
        """Yields the samples of the answer as they arrive; SynthesisError for whatever else comes."""
        connecting_since = 0.0

        async def trace(event: str, _info: Mapping[str, object]) -> None:
            nonlocal connecting_since
            if event == "connection.connect_tcp.started":
                connecting_since = time.monotonic()
            elif event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
                timing.connect_ms = (time.monotonic() - connecting_since) * 1000
            elif event.endswith((".send_request_headers.started", ".send_request_body.complete")):
                # The whole request is with the kernel once its body is, however long this process took to get there.
                # Only of a provider that answers before it has read the body, the headers' time is the last.
                timing.sent_at = time.monotonic()

        failed: SynthesisError | None = None
        try:
            async with self._client.stream(
                "POST",
                request.url,
                headers={**_AS_IT_IS, **request.headers},
                json=request.body,
                extensions={"trace": trace},
            ) as response:
                timing.connection_reused = timing.connect_ms is None
                timing.transport = response.http_version.lower()
                timing.region = self._region(response)
                if response.status_code != httpx.codes.OK:
                    raise await self._refusal(response)
                body = _body(response, request.sample_rate_hz)
                async for piece in response.aiter_raw():
                    for at, audio in body.feed(piece, time.monotonic()):
                        timing.sample_rate_hz = body.sample_rate_hz
                        timing.received(at)
                        yield audio
                for at, audio in body.finish():
                    timing.sample_rate_hz = body.sample_rate_hz
                    timing.received(at)
                    yield audio
        except (UnusableBody, BrokenOff, ToldError, TextAnswer, httpx.HTTPError) as error:
            failed = self._failure(error)
        if failed is not None:
            raise failed

    async def get(self, url: str, headers: Mapping[str, str], params: Mapping[str, str]) -> Any:
        """Returns the JSON value that is answered; SynthesisError for whatever else comes."""
        failed: SynthesisError | None = None
        try:
            async with self._client.stream("GET", route(url, "", params), headers={**_AS_IT_IS, **headers}) as response:
                if response.status_code != httpx.codes.OK:
                    raise await self._refusal(response)
                content = bytearray()
                async for piece in response.aiter_raw():
                    content += piece
                    if len(content) > MAX_LIST_BYTES:
                        raise UnusableBody(f"sent a list of more than {MAX_LIST_BYTES // 2**20} MiB")
                return parsed(bytes(content))
        except ValueError:
            failed = self.error(FailureKind.PROVIDER_UNAVAILABLE, "sent a list that is not JSON")
        except UnusableBody as error:
            failed = self.error(FailureKind.PROVIDER_UNAVAILABLE, str(error))
        except httpx.HTTPError as error:
            failed = self._failure(error)
        raise failed

    def error(self, kind: FailureKind, message: str) -> SynthesisError:
        """Returns an error whose message begins with the provider's name and holds nothing of the key."""
        return SynthesisError(kind, f"{self._name} {self._presentable(message)}")

    def _failure(self, error: Exception) -> SynthesisError:
        if isinstance(error, UnusableBody):
            return self.error(FailureKind.BAD_AUDIO, str(error))
        if isinstance(error, TextAnswer):
            value = _text_value(error.content, is_page=False)
            return self._told(FailureKind.BAD_AUDIO, str(error), value)
        if isinstance(error, ToldError):
            return self._told(FailureKind.PROVIDER_UNAVAILABLE, "failed in mid-answer", error.value)
        if isinstance(error, BrokenOff) and str(error):
            return self.error(FailureKind.PROVIDER_UNAVAILABLE, f"broke its answer off {error}")
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return self.error(FailureKind.PROVIDER_UNAVAILABLE, "can't be reached")
        if isinstance(error, httpx.TimeoutException):
            return self.error(FailureKind.TIMED_OUT, "stopped answering")
        return self.error(FailureKind.PROVIDER_UNAVAILABLE, "broke its answer off")

    def _told(self, kind: FailureKind, message: str, value: Any) -> SynthesisError:
        """Returns the error that the server told in an answer with status 200; `kind` if its words say no other."""
        refusal = refusal_in_answer(self._explain, value)
        kind = refusal.kind or kind
        told = "it does not take the API key" if kind is FailureKind.CREDENTIALS_REJECTED else refusal.told
        error = self.error(kind, f"{message}: {told}" if told else message)
        error.concurrency_full = refusal.concurrency_full
        return error

    async def _refusal(self, response: httpx.Response) -> SynthesisError:
        """Returns the error that an answer other than 200 stands for."""
        content = bytearray()
        # What it says in words may break off; what its status and headers say holds all the same.
        with suppress(httpx.HTTPError):
            async for piece in response.aiter_raw():
                content += piece
                if len(content) > MAX_ERROR_BYTES:
                    break
        status, is_page = response.status_code, "html" in response.headers.get("content-type", "")
        body = _text_value(bytes(content[:MAX_ERROR_BYTES]), is_page=is_page)
        refusal = self._explain(status, body)
        words = refusal.told or words_of(body)
        kind = refusal.kind or kind_of_status(status)
        if response.is_success:
            # Part of the audio, or none: what was asked for is paid, and would come the same way again.
            kind = FailureKind.BAD_AUDIO
        # Providers repeat parts of a key that they don't take.
        told = "it does not take the API key" if kind is FailureKind.CREDENTIALS_REJECTED else words
        message = f"answered {status}: {told}" if told else f"answered {status}"
        retry_after = retry_after_seconds(response.headers, now())
        if (retry_after or 0.0) > MAX_RETRY_AFTER_SECONDS:
            message = f"asks to be left alone for {retry_after:,.0f} s, which is too long to wait; it {message}"
        error = self.error(kind, message)
        error.retry_after = retry_after
        error.concurrency_full = refusal.concurrency_full
        if _COUNT.fullmatch(allowed := response.headers.get(_ALLOWED_CONCURRENCY_HEADER, "")):
            error.allowed_concurrency = int(allowed)
        error.worth_a_retry = error.worth_a_retry and not response.has_redirect_location
        return error

    def _region(self, response: httpx.Response) -> str | None:
        for name in _REGION_HEADERS:
            region = response.headers.get(name, "").strip()
            if _REGION.fullmatch(region):
                return self._secret.redact(region)
        return None

    def _presentable(self, text: str) -> str:
        # The key is looked for in what is shown, since a key with something invisible in it is a key once cleaned; and
        # before the text is cut, which could leave a part of a key that is too short to be found.
        return one_line(self._secret.redact(one_line(text, 8 * MAX_MESSAGE_CHARACTERS)), MAX_MESSAGE_CHARACTERS)


def _body(response: httpx.Response, sample_rate_hz: int) -> AudioBody | AudioEvents:
    if declared_by(response.headers).kind is Kind.EVENTS:
        return AudioEvents(sample_rate_hz)
    return AudioBody(response.headers, sample_rate_hz)


def _text_value(content: bytes, *, is_page: bool) -> Any:
    """Returns JSON as its value and text as it is.

    Nothing of a page of HTML, which a proxy sent, and nothing of what is no text, such as a part of the audio.
    """
    try:
        return parsed(content)
    except ValueError:
        text = decoded(content).strip()
    odd = sum(character == _NO_CHARACTER or not (character.isprintable() or character.isspace()) for character in text)
    return "" if is_page or text.startswith("<") or odd > MAX_ODD_SHARE * len(text) else text
