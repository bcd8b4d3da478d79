"""Type aliases for gRPC classes that are generic in its stubs only, and what is known of the current call."""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypeAlias

import grpc

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
MethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

Metadata: TypeAlias = "Sequence[tuple[str, str | bytes]]"
call_metadata: ContextVar[Metadata] = ContextVar("call_metadata", default=())
"""The headers of the current call. Reading them from gRPC's context costs as much as all other checks of a call."""
call_deadline: ContextVar[Callable[[], float | None] | None] = ContextVar("call_deadline", default=None)
"""Returns how many seconds the current call has left, None if it has no deadline. None outside calls."""
