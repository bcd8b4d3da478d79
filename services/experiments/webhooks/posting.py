"""One attempt over HTTP: only to the address that was checked, without redirects, and within a time limit."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import httpx

from services.experiments.webhooks.addresses import Address
from services.experiments.webhooks.domain import Answer, Outcome
from services.experiments.webhooks.reach import Reach
from services.experiments.webhooks.resolving import Forbidden, Lookup, SystemLookup, addresses_of
from services.experiments.webhooks.targets import BadTarget, Target, parse
from services.runtime.clock import now
from services.runtime.outside_text import one_line
from services.runtime.retry_after import retry_after_seconds

# As the standard recommends, for look-up, connection, handshake, request and status together.
TIMEOUT_SECONDS = 15.0
CONNECT_TIMEOUT_SECONDS = 5.0
# Only the status of an answer matters. A short body is read all the same, so that the receiver sees a clean end.
MAX_REST_BYTES = 16 * 1024
REST_SECONDS = 1.0
USER_AGENT = "voice-arena-webhooks"

_THROTTLED = (429, 502, 504)
_GONE = 410


class Post(Protocol):
    """Makes an attempt."""

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Returns the outcome. Raises nothing that the receiver could cause."""


class HttpPost:
    """Posts over HTTP/1.1, each time on a new connection."""

    def __init__(
        self,
        reach: Reach,
        *,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """`tls` has the certificate authorities that are trusted; those of the system if it is None."""
        self._reach = reach
        self._lookup = lookup or SystemLookup()
        self._timeout_seconds = timeout_seconds
        # The transport rather than a client: no redirects, no cookies, no proxies or passwords from the environment.
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls or httpx.create_ssl_context(),
            trust_env=False,
            # A connection is never used twice: two names may stand for one address, with a certificate of one of them.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def ping(self) -> None:
        """Nothing to check."""

    async def close(self) -> None:
        """Closes what is open."""
        await self._transport.aclose()

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                target = parse(url)
                addresses = await addresses_of(target, self._lookup, self._reach)
                response = await self._post(target, addresses, headers, body)
        except (BadTarget, Forbidden) as reason:
            return Answer(outcome=Outcome.FORBIDDEN, error=f"it may not be called: {reason}")
        except (TimeoutError, httpx.TimeoutException):
            return Answer(outcome=Outcome.TIMED_OUT, error=f"no answer within {self._timeout_seconds:g} s")
        except httpx.ProtocolError:
            return Answer(outcome=Outcome.UNREACHABLE, error="what it answered is not HTTP, or broke off")
        except httpx.TransportError as error:
            return Answer(outcome=Outcome.UNREACHABLE, error=_unreachable(error))
        except OSError:
            return Answer(outcome=Outcome.UNREACHABLE, error="its name stands for no address")
        await _end(response)
        return _answer(response)

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
                # Whose certificate it has to be.
                "sni_hostname": target.host,
                "timeout": httpx.Timeout(self._timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS).as_dict(),
            },
        )


async def _end(response: httpx.Response) -> None:
    """Reads a short body of an answer and closes it. Nothing after the status changes the outcome."""
    size = 0
    with suppress(TimeoutError, httpx.TransportError):
        async with asyncio.timeout(REST_SECONDS):
            try:
                async for part in response.aiter_raw():
                    size += len(part)
                    if size > MAX_REST_BYTES:
                        return
            finally:
                await response.aclose()


def _answer(response: httpx.Response) -> Answer:
    status = response.status_code
    if 200 <= status < 300:
        return Answer(outcome=Outcome.DELIVERED, response_status=status)
    asked = retry_after_seconds(response.headers, now())
    wait = None if asked is None else timedelta(seconds=asked)
    if status == _GONE:
        return Answer(outcome=Outcome.GONE, response_status=status, error="it answered 410")
    if 300 <= status < 400:
        error = f"it answered {status}, and redirects are not followed"
        return Answer(outcome=Outcome.REDIRECTED, response_status=status, error=error, retry_after=wait)
    outcome = Outcome.THROTTLED if status in _THROTTLED else Outcome.REFUSED
    return Answer(outcome=outcome, response_status=status, error=f"it answered {status}", retry_after=wait)


def _unreachable(error: httpx.TransportError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not good: {one_line(cause.verify_message)}"
        if isinstance(cause, ssl.SSLError):
            return "it does not speak TLS as it should"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return "no connection could be made"
    return "the connection broke"
