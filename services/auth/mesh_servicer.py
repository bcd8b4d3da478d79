"""MeshService: the health of the mesh, and the status of each service."""

from voicearena.mesh.v1 import mesh_pb2, mesh_service_pb2, mesh_service_pb2_grpc

from services.auth.mesh_processes import PROCESS_FAULT, MeshProcesses
from services.runtime import disk
from services.runtime.errors import DiskFull, Unavailable
from services.runtime.rpc import Context

SILENT = "does not answer"


class MeshServicer(mesh_service_pb2_grpc.MeshServiceServicer):
    """Implements MeshService by asking every process."""

    def __init__(self, processes: MeshProcesses) -> None:
        self._processes = processes

    async def GetHealth(
        self, request: mesh_service_pb2.GetHealthRequest, context: Context
    ) -> mesh_service_pb2.GetHealthResponse:
        down = {service.name: _faults(service) for service in await self._processes.ask() if not service.serving}
        if down:
            # The names of faults without their reasons, because everybody can read the health.
            named = (f"{name} ({faults})" if faults != SILENT else name for name, faults in down.items())
            message = f"Not serving: {', '.join(named)}"
            if disk.is_full():
                raise DiskFull(f"The disk is full. {message}", **down)
            raise Unavailable(message, **down)
        return mesh_service_pb2.GetHealthResponse(status="ok")

    async def GetStatus(
        self, request: mesh_service_pb2.GetStatusRequest, context: Context
    ) -> mesh_service_pb2.GetStatusResponse:
        return mesh_service_pb2.GetStatusResponse(services=await self._processes.ask())


def _faults(service: mesh_pb2.ServiceStatus) -> str:
    """Returns the names of the faults of a service that is not serving."""
    names = {fault.name for process in service.processes for fault in process.faults}
    if names == {PROCESS_FAULT}:
        return SILENT
    return ", ".join(sorted(names - {PROCESS_FAULT})) or "starting or stopping"
