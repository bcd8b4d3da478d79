"""The types of gRPC that its stubs make generic and its code does not, and the headers of the call at hand."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, TypeAlias

import grpc

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
MethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

Metadata: TypeAlias = "Sequence[tuple[str, str | bytes]]"
call_metadata: ContextVar[Metadata] = ContextVar("call_metadata", default=())
"""The headers of the call at hand. Reading them from the call's context costs as much as the rest of its admission."""
