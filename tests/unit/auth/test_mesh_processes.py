"""Finding the processes of the mesh and reading their status, with real servers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
from voicearena.mesh.v1 import mesh_service_pb2, process_service_pb2, process_service_pb2_grpc
from voicearena.mesh.v1.mesh_pb2 import Fault, ProcessStatus, ServiceStatus

from services.auth.mesh_processes import MeshProcesses
from services.auth.mesh_servicer import MeshServicer
from services.runtime.channels import open_channel
from services.runtime.errors import Unavailable

UNUSED_ADDRESS = "127.0.0.1:1"
SILENT = ProcessStatus(faults=[Fault(name="process", reason="it does not answer")])
HEALTHY = ProcessStatus(serving=True, version="1.0")
FAILING = ProcessStatus(faults=[Fault(name="database", reason="connection refused"), Fault(name="bus", reason="odd")])


class Process(process_service_pb2_grpc.ProcessServiceServicer):
    def __init__(self, status: ProcessStatus) -> None:
        self.status = status

    async def GetProcessStatus(  # noqa: N802 - RPCs are named by the protos
        self, request: object, context: object
    ) -> process_service_pb2.GetProcessStatusResponse:
        return process_service_pb2.GetProcessStatusResponse(status=self.status)


Started = Callable[[ProcessStatus | None], Awaitable[int]]


@pytest.fixture
async def started() -> AsyncIterator[Started]:
    """Starts a process with a status, or one without ProcessService. Returns its port."""
    servers = []

    async def start(status: ProcessStatus | None) -> int:
        server = grpc.aio.server()
        if status is not None:
            process_service_pb2_grpc.add_ProcessServiceServicer_to_server(Process(status), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        servers.append(server)
        return port

    yield start
    for server in servers:
        await server.stop(None)


async def ask(**addresses: str) -> list[ServiceStatus]:
    mesh = MeshProcesses(addresses)
    try:
        return list(await mesh.ask())
    finally:
        await mesh.close()


async def test_the_status_of_every_process_of_every_service_is_read(started: Started) -> None:
    first, second = await started(HEALTHY), await started(FAILING)
    assert await ask(tts=f"127.0.0.1:{first},127.0.0.1:{second}", elo=f"127.0.0.1:{second}") == [
        ServiceStatus(name="tts", serving=True, processes=[HEALTHY, FAILING]),
        ServiceStatus(name="elo", serving=False, processes=[FAILING]),
    ]


async def test_a_host_name_stands_for_each_of_its_addresses_once(started: Started) -> None:
    port = await started(HEALTHY)
    assert await ask(tts=f"localhost:{port}") == [ServiceStatus(name="tts", serving=True, processes=[HEALTHY])]


async def test_a_process_without_a_status_has_the_reason_as_its_fault(started: Started) -> None:
    old = await started(None)
    services = await ask(tts=UNUSED_ADDRESS, elo=f"127.0.0.1:{old}", auth="no-such-host.invalid:1")
    assert [service.serving for service in services] == [False] * 3
    assert [service.processes[0].faults[0].reason for service in services] == [
        "it does not answer",
        "its version reports no status",
        "it does not answer",
    ]


async def test_a_restarted_process_is_found_again(started: Started) -> None:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await server.stop(None)
    mesh = MeshProcesses({"tts": f"127.0.0.1:{port}"})
    assert [list(service.processes) for service in await mesh.ask()] == [[SILENT]]
    again = grpc.aio.server()
    process_service_pb2_grpc.add_ProcessServiceServicer_to_server(Process(HEALTHY), again)
    again.add_insecure_port(f"127.0.0.1:{port}")
    await again.start()
    while not (await mesh.ask())[0].serving:
        pass
    await mesh.close()
    await again.stop(None)


@pytest.mark.parametrize(
    ("statuses", "message", "metadata"),
    [
        ([FAILING], "Not serving: tts (bus, database)", {"tts": "bus, database"}),
        ([None], "Not serving: tts", {"tts": "does not answer"}),
        ([FAILING, None], "Not serving: tts (bus, database)", {"tts": "bus, database"}),
        ([ProcessStatus()], "Not serving: tts (starting or stopping)", {"tts": "starting or stopping"}),
    ],
)
async def test_the_health_names_the_services_that_are_not_serving_and_their_faults(
    started: Started, statuses: list[ProcessStatus | None], message: str, metadata: dict[str, str]
) -> None:
    ports = [await started(status) if status is not None else 1 for status in statuses]
    healthy = await started(HEALTHY)
    mesh = MeshProcesses({"auth": f"127.0.0.1:{healthy}", "tts": ",".join(f"127.0.0.1:{port}" for port in ports)})
    with pytest.raises(Unavailable) as raised:
        await MeshServicer(mesh).GetHealth(mesh_service_pb2.GetHealthRequest(), None)  # type: ignore[arg-type]
    assert (raised.value.message, raised.value.metadata) == (message, metadata)
    await mesh.close()


async def test_a_service_is_healthy_if_one_of_its_processes_serves(started: Started) -> None:
    mesh = MeshProcesses({"tts": f"{UNUSED_ADDRESS},127.0.0.1:{await started(HEALTHY)}"})
    response = await MeshServicer(mesh).GetHealth(mesh_service_pb2.GetHealthRequest(), None)  # type: ignore[arg-type]
    assert response.status == "ok"
    await mesh.close()


async def test_a_call_to_several_addresses_reaches_a_running_process(started: Started) -> None:
    async with open_channel(f"{UNUSED_ADDRESS},127.0.0.1:{await started(HEALTHY)}") as channel:
        stub = process_service_pb2_grpc.ProcessServiceStub(channel)
        response = await stub.GetProcessStatus(process_service_pb2.GetProcessStatusRequest())
    assert response.status == HEALTHY
