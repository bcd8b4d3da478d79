"""Channels to other services. A call to one is made on behalf of the call that is being answered."""

from __future__ import annotations

from typing import Any

import grpc

from services.runtime import identity, telemetry
from services.runtime.client_address import CLIENT_ADDRESS_HEADER, client_address
from services.runtime.rpc import call_deadline

# For calls to another service that set no timeout.
DEFAULT_CALL_TIMEOUT_SECONDS = 5.0
# How soon a channel reconnects to a service that was down. gRPC's default is up to two minutes.
CHANNEL_OPTIONS = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000))


class ClientInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds the current call's identity, client address, trace and remaining deadline to calls to other services."""

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Calls another service on behalf of the current call."""
        return await continuation(_on_behalf_of_caller(client_call_details), request)


class StreamClientInterceptor(grpc.aio.UnaryStreamClientInterceptor):
    """Does the same for calls whose response is a stream. gRPC wants a class of its own for them."""

    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Calls another service on behalf of the current call."""
        return await continuation(_on_behalf_of_caller(client_call_details), request)


def _on_behalf_of_caller(call: Any) -> grpc.aio.ClientCallDetails:
    metadata = list(call.metadata or ())
    caller = identity.current_caller()
    if caller is not None:
        metadata.append((identity.IDENTITY_HEADER, caller.token))
    if (address := client_address()) is not None:
        metadata.append((CLIENT_ADDRESS_HEADER, address.partition("/")[0]))
    if traceparent := telemetry.current_traceparent():
        metadata.append(("traceparent", traceparent))
    remaining = call_deadline.get()
    left = remaining() if remaining is not None else None
    limits = [t for t in (call.timeout, left) if t is not None]
    return grpc.aio.ClientCallDetails(
        method=call.method,
        timeout=min([*limits, DEFAULT_CALL_TIMEOUT_SECONDS]) if call.timeout is None else min(limits),
        metadata=grpc.aio.Metadata(*metadata),
        credentials=call.credentials,
        wait_for_ready=call.wait_for_ready,
    )


def open_channel(address: str) -> grpc.aio.Channel:
    """Returns a channel to another service of the mesh. If the address names several processes, it uses one of them."""
    target = f"ipv4:{address}" if "," in address else address
    interceptors = [ClientInterceptor(), StreamClientInterceptor()]
    return grpc.aio.insecure_channel(target, CHANNEL_OPTIONS, interceptors=interceptors)
