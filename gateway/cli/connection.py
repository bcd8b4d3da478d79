"""One connection to the gateway: calls with a deadline, lists of all pages, and streams. Each failure is a CliError."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from gateway.cli.address import GatewayAddress
from gateway.cli.errors import CliError, ExitCode, from_rpc

if TYPE_CHECKING:
    import grpc

CALL_TIMEOUT_SECONDS = 15.0
PAGE_SIZE = 100
# The gateway allows more calls after one second. A command that makes many calls waits that long.
RATE_LIMIT_DELAY_SECONDS = 1.0
MAX_RATE_LIMITED_ATTEMPTS = 10
# Stops at this page, in case a server repeats its pages for ever.
MAX_PAGES = 200

Item = TypeVar("Item")
Request = TypeVar("Request")
Response = TypeVar("Response")


class _ListRequest(Protocol):
    page_size: int
    page_token: str


class _ListResponse(Protocol):
    next_page_token: str


ListRequest = TypeVar("ListRequest", bound=_ListRequest)
ListResponse = TypeVar("ListResponse", bound=_ListResponse)


class Connection:
    """A connection to a gateway, for one caller. Use it as a context manager. It connects at the first call."""

    def __init__(self, address: GatewayAddress, api_key: str | None) -> None:
        self.address = address
        self._api_key = api_key
        self._channel: grpc.Channel | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    @property
    def has_key(self) -> bool:
        """Whether calls are made with an API key."""
        return bool(self._api_key)

    def channel(self) -> grpc.Channel:
        """Returns the channel of all calls, which is opened when it is first needed."""
        import grpc

        if self._channel is None:
            options: list[tuple[str, int]] = [("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000)]
            if self.address.is_this_machine:
                # A proxy from the environment can't reach the ports of this machine.
                options.append(("grpc.enable_http_proxy", 0))
            self._channel = (
                grpc.secure_channel(self.address.target, grpc.ssl_channel_credentials(), options)
                if self.address.secure
                else grpc.insecure_channel(self.address.target, options)
            )
        return self._channel

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._api_key}"),) if self._api_key else ()

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        timeout: float = CALL_TIMEOUT_SECONDS,
    ) -> Response:
        """Makes a call of any stub and returns its response. Raises CliError if the call fails.

        A call that exceeds the rate limit is made again, up to MAX_RATE_LIMITED_ATTEMPTS times.
        """
        import grpc

        for left in reversed(range(MAX_RATE_LIMITED_ATTEMPTS)):
            try:
                return method(request, timeout=timeout, metadata=self._metadata())
            except grpc.RpcError as error:
                self._wait_or_raise(from_rpc(error, str(self.address)), left)
        raise AssertionError("the last attempt returns or raises")

    def send(
        self,
        method: grpc.StreamUnaryMultiCallable[Request, Response],
        messages: Callable[[], Iterator[Request]],
        timeout: float,
    ) -> Response:
        """Sends a stream and returns its response. `messages` makes the stream, again for each attempt.

        Raises CliError if the call fails. Handles the rate limit as `call` does.
        """
        import grpc

        for left in reversed(range(MAX_RATE_LIMITED_ATTEMPTS)):
            try:
                return method(messages(), timeout=timeout, metadata=self._metadata())
            except grpc.RpcError as error:
                self._wait_or_raise(from_rpc(error, str(self.address)), left)
        raise AssertionError("the last attempt returns or raises")

    def list_all(
        self,
        method: grpc.UnaryUnaryMultiCallable[ListRequest, ListResponse],
        request: ListRequest,
        items: Callable[[ListResponse], Iterable[Item]],
        limit: int | None = None,
    ) -> list[Item]:
        """Returns the items of all pages of a list, at most `limit`. `items` takes the items from a page."""
        found: list[Item] = []
        request.page_size = PAGE_SIZE if limit is None else min(limit, PAGE_SIZE)
        for _ in range(MAX_PAGES):
            page = self.call(method, request)
            found += items(page)
            request.page_token = page.next_page_token
            if not page.next_page_token or (limit is not None and len(found) >= limit):
                return found[:limit]
        hint = "Use the options of the command to get a shorter list."
        raise CliError(f"The list has more than {MAX_PAGES} pages.", ExitCode.UNEXPECTED, hint=hint)

    def stream(
        self, method: grpc.UnaryStreamMultiCallable[Request, Response], request: Request, timeout: float
    ) -> Iterator[Response]:
        """Yields the responses of a streaming call of any stub. Closing the generator cancels the call.

        Raises CliError if the call fails. Handles the rate limit as `call` does.
        """
        import grpc

        # A call over the rate limit is refused before its first response, so no response is yielded twice.
        for left in reversed(range(MAX_RATE_LIMITED_ATTEMPTS)):
            call = method(request, timeout=timeout, metadata=self._metadata())
            try:
                yield from call
            except grpc.RpcError as error:
                self._wait_or_raise(from_rpc(error, str(self.address)), left)
            else:
                return
            finally:
                call.cancel()

    def _wait_or_raise(self, error: CliError, attempts_left: int) -> None:
        """Waits if the call exceeded the rate limit and attempts are left. Otherwise raises the error."""
        if error.reason != "RATE_LIMITED" or not attempts_left:
            raise error
        time.sleep(RATE_LIMIT_DELAY_SECONDS)
