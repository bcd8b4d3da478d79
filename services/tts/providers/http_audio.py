"""Speech over HTTP: what every provider that is asked with one POST has in common."""

import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from services.tts.domain import FailureKind, SynthesisError, Timing
from services.tts.providers.audio_body import AudioBody, UnusableBody

CONNECT_SECONDS = 5.0
# Between two pieces of an answer. Whoever asks watches the whole time; this only ends what nobody waits for.
READ_SECONDS = 300.0
KEEPALIVE_SECONDS = 120.0
LARGEST_ERROR_BYTES = 64 * 1024
LONGEST_MESSAGE = 200

Explain = Callable[[int, Any], tuple[FailureKind | None, str]]
"""Reads a provider's own error: from status and body (parsed JSON, or text) to kind, if it tells one, and message."""


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A POST whose answer is audio. `sample_rate_hz` is what raw samples are taken to have if the answer is silent."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, object]
    sample_rate_hz: int


class AudioClient:
    """Asks one provider over connections that are kept open. `secret` is never repeated in an error."""

    def __init__(self, name: str, max_concurrency: int, secret: str, explain: Explain) -> None:
        self._name = name
        self._secret = secret
        self._explain = explain
        self._client = httpx.AsyncClient(
            http2=True,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(
                max_connections=max_concurrency,
                max_keepalive_connections=max_concurrency,
                keepalive_expiry=KEEPALIVE_SECONDS,
            ),
            # A key must not follow a redirect to wherever it points.
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Closes all connections."""
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
            elif event.endswith(".send_request_headers.started"):
                timing.sent_at = time.monotonic()

        try:
            async with self._client.stream(
                "POST",
                request.url,
                headers={"accept-encoding": "identity", **request.headers},
                json=request.body,
                extensions={"trace": trace},
            ) as response:
                timing.connection_reused = timing.connect_ms is None
                timing.transport = response.http_version.lower()
                if response.status_code != httpx.codes.OK:
                    raise await self._refusal(response)
                body = AudioBody(response.headers, request.sample_rate_hz)
                async for piece in response.aiter_raw():
                    arrived = time.monotonic()
                    if audio := body.feed(piece):
                        timing.sample_rate_hz = body.sample_rate_hz
                        timing.received(arrived)
                        yield audio
                if audio := body.finish():
                    timing.sample_rate_hz = body.sample_rate_hz
                    timing.received(arrived)
                    yield audio
        except UnusableBody as error:
            raise self._error(FailureKind.BAD_AUDIO, str(error)) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._error(FailureKind.PROVIDER_UNAVAILABLE, "can't be reached") from error
        except httpx.TimeoutException as error:
            raise self._error(FailureKind.TIMED_OUT, "stopped answering") from error
        except httpx.HTTPError as error:
            raise self._error(FailureKind.PROVIDER_UNAVAILABLE, "broke its answer off") from error

    def _error(self, kind: FailureKind, message: str, retry_after: float | None = None) -> SynthesisError:
        return SynthesisError(kind, f"{self._name} {message}", retry_after=retry_after)

    async def _refusal(self, response: httpx.Response) -> SynthesisError:
        """Returns the error that an answer other than 200 stands for."""
        content = b""
        async for piece in response.aiter_raw():
            content += piece
            if len(content) > LARGEST_ERROR_BYTES:
                break
        try:
            body: Any = json.loads(content)
        except ValueError:
            body = content.decode(errors="replace")
        status = response.status_code
        told_kind, told = self._explain(status, body)
        kind = told_kind or kind_of_status(status)
        message = f"answered {status}"
        # Providers repeat parts of a key that they don't take.
        if told and kind is not FailureKind.CREDENTIALS_REJECTED:
            message += f": {self._presentable(told)}"
        error = self._error(kind, message, retry_after=retry_after_seconds(response.headers.get("retry-after", "")))
        error.worth_a_retry = error.worth_a_retry and not response.has_redirect_location
        return error

    def _presentable(self, text: str) -> str:
        line = " ".join(text.split())
        if self._secret:
            line = line.replace(self._secret, "***")
        return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


def kind_of_status(status: int) -> FailureKind:
    """Returns what an HTTP status alone says of why there is no audio."""
    if status in (401, 403):
        return FailureKind.CREDENTIALS_REJECTED
    if status == 402:
        return FailureKind.QUOTA_EXCEEDED
    if status == 429:
        return FailureKind.RATE_LIMITED
    if 400 <= status < 500 and status != 408:
        return FailureKind.INVALID_REQUEST
    return FailureKind.PROVIDER_UNAVAILABLE


def retry_after_seconds(value: str) -> float | None:
    """Reads a Retry-After header, in seconds or as a date; None if it is neither."""
    if value.strip().isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max((at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)
