"""The HTTP client of hosted providers: one POST returns the audio."""

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
from services.tts.providers.content_type import ContentKind, declared_format
from services.tts.providers.http_errors import (
    ErrorReader,
    ReportedError,
    TextBody,
    TruncatedBody,
    UnusableBody,
    error_in_response,
    kind_of_status,
    message_in,
    parse_json,
)
from services.tts.providers.redaction import KeyRedactor

CONNECT_TIMEOUT_SECONDS = 5.0
# Between two pieces of a response. The caller limits the whole time; this ends requests that no caller waits for.
READ_TIMEOUT_SECONDS = 300.0
KEEPALIVE_TIMEOUT_SECONDS = 120.0
MAX_ERROR_BYTES = 64 * 1024
MAX_LIST_BYTES = 8 * 1024 * 1024
MAX_MESSAGE_CHARACTERS = 200

# The share of unprintable characters up to which the body of an error counts as text.
MAX_UNPRINTABLE_SHARE = 0.1

_REPLACEMENT_CHARACTER = "\ufffd"
_UNCOMPRESSED = {"accept-encoding": "identity"}
# The headers in which providers name the region that sent the response.
_REGION_HEADERS = ("x-region", "x-ms-region")
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
# Only ElevenLabs sends this header.
_ALLOWED_CONCURRENCY_HEADER = "maximum-concurrent-requests"
_COUNT = re.compile(r"[1-9]\d{0,3}", re.ASCII)

KEY_REJECTED = "it rejected the API key"


def route(base_url: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """Returns base URL + path, without a double slash. A query of the base stays, before `query`."""
    base, _, kept = base_url.partition("?")
    joined = "&".join(filter(None, (kept, urlencode(query or {}))))
    return f"{base.rstrip('/')}{path}" + (f"?{joined}" if joined else "")


def with_version(base_url: str, version: str) -> str:
    """Returns the base URL with a version such as `/v1` if it is a bare host, unchanged if it has a path."""
    return base_url if urlsplit(base_url).path.strip("/") else route(base_url, version)


def without_version(base_url: str, *versions: str) -> str:
    """Returns the base URL without a version at the end of its path.

    For providers whose routes contain the version: people copy base URLs with the version from examples.
    """
    base, _, kept = base_url.partition("?")
    base = base.rstrip("/")
    ending = next((version for version in versions if base.endswith(version)), "")
    return base.removesuffix(ending) + (f"?{kept}" if kept else "")


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A POST whose response is audio. `sample_rate_hz` applies to raw samples if the response does not state a rate."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, object] = field(repr=False)
    sample_rate_hz: int


class AudioClient:
    """Sends requests to one provider over connections that are kept open.

    No error contains the API key, `secret`: it is removed from messages, and errors have no `__cause__`, because errors
    of the HTTP library hold the request with its headers.
    """

    def __init__(self, name: str, max_concurrency: int, secret: str, read_error: ErrorReader) -> None:
        self._name = name
        self._secret = KeyRedactor(secret)
        self._read_error = read_error
        # One more than the utterances at the same time, for the list of voices.
        self._max_connections = max_concurrency + 1

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        """Created at the first request: loading certificates takes time and memory, and most providers are not used."""
        return httpx.AsyncClient(
            http2=True,
            timeout=httpx.Timeout(READ_TIMEOUT_SECONDS, connect=CONNECT_TIMEOUT_SECONDS),
            limits=httpx.Limits(
                max_connections=self._max_connections,
                max_keepalive_connections=self._max_connections,
                keepalive_expiry=KEEPALIVE_TIMEOUT_SECONDS,
            ),
            # A redirect would send the API key to another host.
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Closes all connections."""
        if "_client" in vars(self):
            await self._client.aclose()

    async def speak(self, request: SpeechRequest, timing: Timing) -> AsyncGenerator[bytes, None]:
        """Yields the samples of the response as they arrive. Raises SynthesisError for any other response."""
        connecting_since = 0.0

        async def trace(event: str, _info: Mapping[str, object]) -> None:
            nonlocal connecting_since
            if event == "connection.connect_tcp.started":
                connecting_since = time.monotonic()
            elif event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
                timing.connect_ms = (time.monotonic() - connecting_since) * 1000
            elif event.endswith((".send_request_headers.started", ".send_request_body.complete")):
                # The request has been sent when its body has been handed to the kernel. The time of the headers stays
                # only if a provider responds before it has read the body.
                timing.sent_at = time.monotonic()

        failed: SynthesisError | None = None
        try:
            async with self._client.stream(
                "POST",
                request.url,
                headers={**_UNCOMPRESSED, **request.headers},
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
        except (UnusableBody, TruncatedBody, ReportedError, TextBody, httpx.HTTPError) as error:
            failed = self._failure(error)
        if failed is not None:
            raise failed

    async def get(self, url: str, headers: Mapping[str, str], params: Mapping[str, str]) -> Any:
        """Returns the JSON value of the response. Raises SynthesisError for any other response."""
        failed: SynthesisError | None = None
        try:
            async with self._client.stream(
                "GET", route(url, "", params), headers={**_UNCOMPRESSED, **headers}
            ) as response:
                if response.status_code != httpx.codes.OK:
                    raise await self._refusal(response)
                content = bytearray()
                async for piece in response.aiter_raw():
                    content += piece
                    if len(content) > MAX_LIST_BYTES:
                        raise UnusableBody(f"sent a list of more than {MAX_LIST_BYTES // 2**20} MiB")
                return parse_json(bytes(content))
        except ValueError:
            failed = self.error(FailureKind.PROVIDER_UNAVAILABLE, "sent a list that is not JSON")
        except UnusableBody as error:
            failed = self.error(FailureKind.PROVIDER_UNAVAILABLE, str(error))
        except httpx.HTTPError as error:
            failed = self._failure(error)
        raise failed

    def error(self, kind: FailureKind, message: str) -> SynthesisError:
        """Returns an error whose message begins with the provider's name and does not contain the API key."""
        return SynthesisError(kind, f"{self._name} {self._cleaned(message)}")

    def _failure(self, error: Exception) -> SynthesisError:
        if isinstance(error, UnusableBody):
            return self.error(FailureKind.BAD_AUDIO, str(error))
        if isinstance(error, TextBody):
            value = _json_or_text(error.content, is_page=False)
            return self._reported_error(FailureKind.BAD_AUDIO, str(error), value)
        if isinstance(error, ReportedError):
            return self._reported_error(
                FailureKind.PROVIDER_UNAVAILABLE, "reported an error in its response", error.value
            )
        if isinstance(error, TruncatedBody) and str(error):
            return self.error(FailureKind.PROVIDER_UNAVAILABLE, f"ended its response early, {error}")
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return self.error(FailureKind.PROVIDER_UNAVAILABLE, "can't be reached")
        if isinstance(error, httpx.TimeoutException):
            return self.error(FailureKind.TIMED_OUT, "stopped responding")
        return self.error(FailureKind.PROVIDER_UNAVAILABLE, "ended its response early")

    def _reported_error(self, kind: FailureKind, message: str, value: Any) -> SynthesisError:
        """Returns the error in a response with status 200. `kind` applies if its words name no other kind."""
        details = error_in_response(self._read_error, value)
        kind = details.kind or kind
        words = KEY_REJECTED if kind is FailureKind.CREDENTIALS_REJECTED else details.message
        error = self.error(kind, f"{message}: {words}" if words else message)
        error.concurrency_full = details.concurrency_full
        return error

    async def _refusal(self, response: httpx.Response) -> SynthesisError:
        """Returns the error of a response with a status other than 200."""
        content = bytearray()
        # The body can be incomplete. Status and headers are valid all the same.
        with suppress(httpx.HTTPError):
            async for piece in response.aiter_raw():
                content += piece
                if len(content) > MAX_ERROR_BYTES:
                    break
        status, is_page = response.status_code, "html" in response.headers.get("content-type", "")
        body = _json_or_text(bytes(content[:MAX_ERROR_BYTES]), is_page=is_page)
        details = self._read_error(status, body)
        kind = details.kind or kind_of_status(status)
        if response.is_success:
            # Part of the audio, or none. Another request would cost money and get the same response.
            kind = FailureKind.BAD_AUDIO
        # Providers repeat parts of a key that they reject.
        words = KEY_REJECTED if kind is FailureKind.CREDENTIALS_REJECTED else details.message or message_in(body)
        message = f"returned HTTP {status}: {words}" if words else f"returned HTTP {status}"
        retry_after = retry_after_seconds(response.headers, now())
        if (retry_after or 0.0) > MAX_RETRY_AFTER_SECONDS:
            message = (
                f"asked to wait {retry_after:,.0f} s, longer than the {MAX_RETRY_AFTER_SECONDS:g} s limit; it {message}"
            )
        error = self.error(kind, message)
        error.retry_after = retry_after
        error.concurrency_full = details.concurrency_full
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

    def _cleaned(self, text: str) -> str:
        # Clean, redact, then shorten. Cleaning first, because invisible characters could hide a key from the search.
        # Shortening last, because it could leave a part of a key that is too short to be found.
        return one_line(self._secret.redact(one_line(text, 8 * MAX_MESSAGE_CHARACTERS)), MAX_MESSAGE_CHARACTERS)


def _body(response: httpx.Response, sample_rate_hz: int) -> AudioBody | AudioEvents:
    if declared_format(response.headers).kind is ContentKind.EVENTS:
        return AudioEvents(sample_rate_hz)
    return AudioBody(response.headers, sample_rate_hz)


def _json_or_text(content: bytes, *, is_page: bool) -> Any:
    """Returns the value of a JSON body, or the text of a text body.

    Returns an empty string for HTML, which usually comes from a proxy, and for binary data such as audio.
    """
    try:
        return parse_json(content)
    except ValueError:
        text = decoded(content).strip()
    unprintable = sum(
        character == _REPLACEMENT_CHARACTER or not (character.isprintable() or character.isspace())
        for character in text
    )
    return "" if is_page or text.startswith("<") or unprintable > MAX_UNPRINTABLE_SHARE * len(text) else text
