"""MeshService: whether every service is serving."""

import asyncio
from collections.abc import Mapping
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from voicearena.mesh.v1 import mesh_service_pb2, mesh_service_pb2_grpc

from services.runtime.errors import Unavailable
from services.runtime.rpc import Context

CHECK_SECONDS = 2.0


class MeshServicer(mesh_service_pb2_grpc.MeshServiceServicer):
    """Implements MeshService by asking each service's own health."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self._stubs = {name: health_pb2_grpc.HealthStub(channel) for name, channel in channels.items()}

    async def GetHealth(
        self, request: mesh_service_pb2.GetHealthRequest, context: Context
    ) -> mesh_service_pb2.GetHealthResponse:
        states = dict(zip(self._stubs, await asyncio.gather(*map(_state, self._stubs.values())), strict=True))
        down = {name: state for name, state in states.items() if state != "SERVING"}
        if down:
            raise Unavailable(f"not serving: {', '.join(down)}", **down)
        return mesh_service_pb2.GetHealthResponse(status="ok")


async def _state(stub: Any) -> str:
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=CHECK_SECONDS)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
