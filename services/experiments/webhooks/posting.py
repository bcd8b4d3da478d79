"""Makes one attempt over HTTP: to an address that the SSRF guard checked, without redirects, within a time limit."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import httpx

from services.experiments.webhooks.domain import AttemptOutcome, AttemptResult
from services.experiments.webhooks.ssrf_guard.addresses import Address
from services.experiments.webhooks.ssrf_guard.policy import SsrfPolicy
from services.experiments.webhooks.ssrf_guard.resolution import (
    ForbiddenTarget,
    Resolver,
    SystemResolver,
    resolve_allowed,
)
from services.experiments.webhooks.ssrf_guard.urls import InvalidTarget, Target, parse
from services.runtime.clock import now
from services.runtime.outside_text import one_line
from services.runtime.retry_after import retry_after_seconds

# As Standard Webhooks recommends. Covers name resolution, connection, TLS handshake, request and status.
TIMEOUT_SECONDS = 15.0
CONNECT_TIMEOUT_SECONDS = 5.0
# Only the status of a response matters. A short body is still read, so that the receiver sees a clean end.
MAX_RESPONSE_BODY_BYTES = 16 * 1024
RESPONSE_BODY_TIMEOUT_SECONDS = 1.0
USER_AGENT = "voice-arena-webhooks"

_THROTTLED = (429, 502, 504)
_GONE = 410


class Post(Protocol):
    """Makes attempts."""

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> AttemptResult:
        """Makes one attempt. The receiver can't make it raise."""


class HttpPost:
    """Posts over HTTP/1.1, on a new connection for each attempt."""

    def __init__(
        self,
        policy: SsrfPolicy,
        *,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """`tls` holds the trusted certificate authorities. None means those of the system."""
        self._policy = policy
        self._resolver = resolver or SystemResolver()
        self._timeout_seconds = timeout_seconds
        # A bare transport follows no redirects, keeps no cookies, and uses no proxies or passwords of the environment.
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls or httpx.create_ssl_context(),
            trust_env=False,
            # Connections are not reused: two names can share an address whose certificate covers only one of them.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def ping(self) -> None:
        """Does nothing: there is no connection to check."""

    async def close(self) -> None:
        """Closes the transport."""
        await self._transport.aclose()

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> AttemptResult:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                target = parse(url)
                addresses = await resolve_allowed(target, self._resolver, self._policy)
                response = await self._post(target, addresses, headers, body)
        except (InvalidTarget, ForbiddenTarget) as reason:
            return AttemptResult(outcome=AttemptOutcome.FORBIDDEN, error=f"the URL is not allowed: it {reason}")
        except (TimeoutError, httpx.TimeoutException):
            return AttemptResult(
                outcome=AttemptOutcome.TIMED_OUT, error=f"no response within {self._timeout_seconds:g} s"
            )
        except httpx.ProtocolError:
            error = "the response was not valid HTTP or was cut off"
            return AttemptResult(outcome=AttemptOutcome.UNREACHABLE, error=error)
        except httpx.TransportError as failure:
            return AttemptResult(outcome=AttemptOutcome.UNREACHABLE, error=_connection_error(failure))
        except OSError:
            return AttemptResult(outcome=AttemptOutcome.UNREACHABLE, error="the host name has no address")
        await _finish(response)
        return _result(response)

    async def _post(
        self, target: Target, addresses: Sequence[Address], headers: Mapping[str, str], body: bytes
    ) -> httpx.Response:
        for address in addresses[:-1]:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._transport.handle_async_request(self._request(target, address, headers, body))
        return await self._transport.handle_async_request(self._request(target, addresses[-1], headers, body))

    def _request(self, target: Target, address: Address, headers: Mapping[str, str], body: bytes) -> httpx.Request:
        path = target.path.encode("ascii")
        return httpx.Request(
            "POST",
            httpx.URL(scheme=target.scheme, host=str(address), port=target.port, raw_path=path),
            headers={
                "host": target.authority,
                "user-agent": USER_AGENT,
                "accept": "*/*",
                "connection": "close",
                "content-type": "application/json",
                **headers,
            },
            content=body,
            extensions={
                # The certificate must be valid for the host name, although the connection goes to its address.
                "sni_hostname": target.host,
                "timeout": httpx.Timeout(self._timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS).as_dict(),
            },
        )


async def _finish(response: httpx.Response) -> None:
    """Reads a short body and closes the response. Only the status decides the outcome, so errors are ignored."""
    size = 0
    with suppress(TimeoutError, httpx.TransportError):
        async with asyncio.timeout(RESPONSE_BODY_TIMEOUT_SECONDS):
            try:
                async for part in response.aiter_raw():
                    size += len(part)
                    if size > MAX_RESPONSE_BODY_BYTES:
                        return
            finally:
                await response.aclose()


def _result(response: httpx.Response) -> AttemptResult:
    status = response.status_code
    if 200 <= status < 300:
        return AttemptResult(outcome=AttemptOutcome.DELIVERED, response_status=status)
    seconds = retry_after_seconds(response.headers, now())
    wait = None if seconds is None else timedelta(seconds=seconds)
    error = f"the receiver responded with status {status}"
    if status == _GONE:
        return AttemptResult(outcome=AttemptOutcome.GONE, response_status=status, error=error)
    if 300 <= status < 400:
        error += "; redirects are not followed"
        return AttemptResult(outcome=AttemptOutcome.REDIRECTED, response_status=status, error=error, retry_after=wait)
    outcome = AttemptOutcome.THROTTLED if status in _THROTTLED else AttemptOutcome.REFUSED
    return AttemptResult(outcome=outcome, response_status=status, error=error, retry_after=wait)


def _connection_error(error: httpx.TransportError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the receiver's certificate is not valid: {one_line(cause.verify_message)}"
        if isinstance(cause, ssl.SSLError):
            return "the TLS handshake with the receiver failed"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return "the connection to the receiver failed"
    return "the connection was interrupted"
