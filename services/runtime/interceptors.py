"""Handles what is common to every RPC: identity, scope, errors, deadline, trace, duration.

Each method gets one wrapper when it is registered. gRPC's own interceptors are not used, because each layer costs every
call several percent of its time.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import grpc
import structlog
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError
from google.rpc import code_pb2
from grpc_status import rpc_status
from opentelemetry.trace import SpanKind
from voicearena.gateway.v1 import options_pb2

from services.runtime import identity, request_ids, telemetry
from services.runtime.disconnections import is_disconnected
from services.runtime.error_status import to_status, unexpected
from services.runtime.errors import (
    ArenaError,
    CredentialsMissing,
    FieldViolation,
    InvalidInput,
    PermissionDenied,
    ScopeMissing,
)
from services.runtime.event_loop import Stopwatch
from services.runtime.open_streams import OpenStream, OpenStreams, failure_message
from services.runtime.rpc import Context, MethodHandler, call_deadline, call_metadata

log = structlog.get_logger()

# The gateway sets it on calls that it transcodes from JSON, and removes it from what clients send.
TRANSCODED_HEADER = "x-envoy-original-path"
# The gateway accepts 100 trailers from a service (`max_headers_count` of its clusters). Together with gRPC's own these
# are more, so the gateway resets the stream.
RESETTING_TRAILERS = tuple((f"broken-off-{number}", "") for number in range(100))


class GuardedServer:
    """Stands for the gRPC server in the `add_..._to_server` functions of stubs, and guards each method.

    An RPC needs an identity unless its proto options say that it is public, or its path is in `public`.
    """

    def __init__(
        self, server: grpc.aio.Server, verifier: identity.TokenVerifier, public: Collection[str], streams: OpenStreams
    ) -> None:
        self.services: list[str] = []
        """The full names of the registered gRPC services."""
        self._server = server
        self._verifier = verifier
        self._public = public
        self._streams = streams

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Does nothing. Stubs register each method twice; `add_registered_method_handlers` handles it."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, MethodHandler]) -> None:
        """Serves the methods of a gRPC service."""
        self.services.append(service)
        paths = {f"/{service}/{name}": handler for name, handler in handlers.items()}
        guarded = {method: self._guarded(method, handler) for method, handler in paths.items()}
        self._server.add_generic_rpc_handlers((_Handlers(guarded),))

    def _guarded(self, method: str, handler: MethodHandler) -> MethodHandler:
        if handler.request_streaming and handler.response_streaming:
            raise NotImplementedError(f"{method}: no RPC of the mesh streams requests and responses")
        # The wrapper parses requests itself: gRPC would return an internal error for a message that can't be parsed.
        parse, serialise = handler.request_deserializer, handler.response_serializer
        described = _descriptor(method)
        if parse is not None and described is not None and request_ids.has_request_id(described.input_type):
            parse = request_ids.remembering(parse)
        public = described is not None and described.GetOptions().Extensions[options_pb2.call].public
        admission = Admission(method, self._verifier, public or method in self._public)
        if handler.request_streaming:
            upload = _upload(method, handler.stream_unary, parse, admission, self._streams)
            return grpc.stream_unary_rpc_method_handler(upload, None, serialise)
        if handler.response_streaming:
            stream = _stream(method, handler.unary_stream, parse, admission, self._streams)
            return grpc.unary_stream_rpc_method_handler(stream, None, serialise)
        unary = _unary(method, handler.unary_unary, parse, admission)
        return grpc.unary_unary_rpc_method_handler(unary, None, serialise)


class _Handlers(grpc.GenericRpcHandler):
    """Returns the handler of a method by its path. It is called in the task in which the handler then runs."""

    def __init__(self, handlers: Mapping[str, MethodHandler]) -> None:
        self._handlers = handlers

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> MethodHandler | None:
        # The metadata is parsed already. Reading it from the call's context would cost as much as all other checks.
        call_metadata.set(handler_call_details.invocation_metadata)
        return self._handlers.get(handler_call_details.method)


def _unary(method: str, behaviour: Any, parse: Any, admission: Admission) -> Any:
    durations = RpcDurations(method)

    async def call(request: bytes, context: Context) -> Any:
        watch = Stopwatch()
        token, traceparent = _read_metadata(context)
        with telemetry.span(method, traceparent, SpanKind.SERVER):
            try:
                identity.set_caller(admission.known(token) or await admission.admit(token))
                response = await behaviour(_parsed(parse, request), context)
            except asyncio.CancelledError:
                durations.failed(code_pb2.CANCELLED, watch.seconds())
                raise
            except Exception as error:  # noqa: BLE001 - every error becomes a status here
                await _abort(context, _caller_error(error, method), durations, watch)
            durations.ok.observe(watch.seconds())
            return response

    return call


def _stream(method: str, behaviour: Any, parse: Any, admission: Admission, streams: OpenStreams) -> Any:
    durations = RpcDurations(method)

    async def call(request: bytes, context: Context) -> Any:
        watch = Stopwatch()
        response = None
        token, traceparent = _read_metadata(context)
        with telemetry.span(method, traceparent, SpanKind.SERVER):
            try:
                caller = admission.known(token) or await admission.admit(token)
                identity.set_caller(caller)
                # Closes the generator at once when the client leaves, with everything that it waits for.
                async with aclosing(behaviour(_parsed(parse, request), context)) as responses:
                    with streams.opened(caller) as stream:
                        while (following := await stream.next(responses)) is not None:
                            response = following
                            yield response
            except (asyncio.CancelledError, GeneratorExit):
                durations.failed(code_pb2.CANCELLED, watch.seconds())
                raise
            except Exception as error:  # noqa: BLE001 - every error becomes a status here
                caller_error = _caller_error(error, method)
                broken_off = response is not None and _is_json_call()
                if broken_off and (message := failure_message(response, to_status(caller_error))) is not None:
                    yield message
                    broken_off = False
                await _abort(context, caller_error, durations, watch, broken_off=broken_off)
            durations.ok.observe(watch.seconds())

    return call


def _upload(method: str, behaviour: Any, parse: Any, admission: Admission, streams: OpenStreams) -> Any:
    durations = RpcDurations(method)

    async def call(requests: AsyncIterator[bytes], context: Context) -> Any:
        watch = Stopwatch()
        token, traceparent = _read_metadata(context)
        with telemetry.span(method, traceparent, SpanKind.SERVER):
            try:
                caller = admission.known(token) or await admission.admit(token)
                identity.set_caller(caller)
                with streams.opened(caller) as stream:
                    async with aclosing(_each_parsed(parse, requests, stream)) as messages:
                        response = await behaviour(messages, context)
            except asyncio.CancelledError:
                durations.failed(code_pb2.CANCELLED, watch.seconds())
                raise
            except Exception as error:  # noqa: BLE001 - every error becomes a status here
                await _abort(context, error_for_caller(error, method), durations, watch)
            durations.ok.observe(watch.seconds())
            return response

    return call


async def _each_parsed(parse: Any, requests: AsyncIterator[bytes], stream: OpenStream) -> AsyncGenerator[Any, None]:
    """Yields the messages of a client's stream until the caller's API key becomes invalid."""

    async def received() -> AsyncGenerator[bytes, None]:
        async for request in requests:
            yield request

    async with aclosing(received()) as arriving:
        while (request := await stream.next(arriving)) is not None:
            yield _parsed(parse, request)


def _read_metadata(context: Context) -> tuple[str, str]:
    """Stores the deadline of a call, and returns its identity token and its traceparent; empty if it has none."""
    call_deadline.set(context.time_remaining)
    token = traceparent = ""
    for key, value in call_metadata.get():
        if key == identity.IDENTITY_HEADER:
            token = str(value)
        elif key == "traceparent":
            traceparent = str(value)
    return token, traceparent


class Admission:
    """Decides who may call a method."""

    def __init__(self, method: str, verifier: identity.TokenVerifier, public: bool) -> None:
        self._verifier = verifier
        self._public = public
        described = _descriptor(method)
        # An RPC that is not in the protos has no options.
        self._scope = identity.scope_of(described) if described is not None else ""

    def known(self, token: str) -> identity.Caller | None:
        """Returns the caller if their token was verified before and they may call, else None."""
        caller = self._verifier.known(token)
        return caller if caller is not None and self._allows(caller) else None

    def _allows(self, caller: identity.Caller) -> bool:
        if caller.identity is None:
            # The caller is a voter.
            return self._public
        return not self._scope or self._scope in caller.identity.scopes

    async def admit(self, token: str) -> identity.Caller | None:
        """Returns the caller, or None if the method is public and the call has no identity.

        Raises Unauthenticated if the identity is missing or not valid, ScopeMissing if the API key lacks the scope, and
        PermissionDenied if a voter calls a method for developers.
        """
        if token:
            caller = await self._verifier.verify(token)
            if self._allows(caller):
                return caller
            raise ScopeMissing.of(self._scope) if caller.identity else PermissionDenied(identity.NOT_FOR_VOTERS)
        if not self._public:
            raise CredentialsMissing(identity.KEY_NEEDED)
        return None


def _descriptor(method: str) -> MethodDescriptor | None:
    service, _, name = method.lstrip("/").partition("/")
    try:
        return descriptor_pool.Default().FindMethodByName(f"{service}.{name}")
    except KeyError:
        return None


class RpcDurations:
    """Records how long the calls of one method took, by status."""

    def __init__(self, method: str) -> None:
        self._method = method
        self.ok = telemetry.RPC_SECONDS.labels(method, "OK")

    def failed(self, code: int, seconds: float) -> None:
        telemetry.RPC_SECONDS.labels(self._method, code_pb2.Code.Name(code)).observe(seconds)


def _parsed(parse: Callable[[bytes], Any], request: bytes) -> Any:
    try:
        return parse(request)
    except DecodeError:
        raise InvalidInput.of(
            FieldViolation("", "must be a message of the RPC's request type, with text in UTF-8")
        ) from None


async def _abort(
    context: Context, error: ArenaError, durations: RpcDurations, watch: Stopwatch, *, broken_off: bool = False
) -> None:
    """Ends the call with the status of an error. If `broken_off`, makes the gateway reset the stream. Always raises."""
    status = to_status(error)
    durations.failed(status.code, watch.seconds())
    if broken_off:
        # A JSON client already has status 200 and sees no trailers. A clean end would make half a response look whole.
        await context.abort(grpc.StatusCode.UNKNOWN, error.message, RESETTING_TRAILERS)
    answer = rpc_status.to_status(status)
    if (seconds := error.metadata.get("retry_after_seconds")) is not None:
        # The gateway sends trailers of a failed call as headers, so HTTP clients get a Retry-After.
        trailers = (*answer.trailing_metadata, ("retry-after", seconds))
        # It is a named tuple, which its types don't say.
        answer = answer._replace(trailing_metadata=trailers)  # type: ignore[attr-defined]
    await context.abort_with_status(answer)


def _caller_error(error: Exception, method: str) -> ArenaError:
    """Returns the error to return to the caller. Raises it again if it has already ended the call."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    return error_for_caller(error, method)


def error_for_caller(error: Exception, method: str) -> ArenaError:
    """Returns the error to return to a method's caller. An unexpected error is logged under an id that it names."""
    if is_disconnected(error):
        from services.runtime import database_errors

        log.warning("the database failed", method=method, error=str(error).strip())
        explained: ArenaError | None = database_errors.explain(error)
    else:
        explained = error if isinstance(error, ArenaError) else unexpected(error)
    if explained is None:
        error_id = secrets.token_hex(6)
        log.error("an RPC failed unexpectedly", method=method, error_id=error_id, exc_info=error)
        explained = ArenaError(f"Internal error. The service's log describes it under {error_id}.", error_id=error_id)
    return explained


def _is_json_call() -> bool:
    """Returns whether the gateway transcoded the current call from JSON."""
    return any(key == TRANSCODED_HEADER for key, _ in call_metadata.get())
