"""How the processes of the mesh are found and asked, over real servers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
from voicearena.mesh.v1 import mesh_service_pb2, process_service_pb2, process_service_pb2_grpc
from voicearena.mesh.v1.mesh_pb2 import Fault, ProcessStatus, ServiceStatus

from services.auth.mesh_processes import MeshProcesses
from services.auth.mesh_servicer import MeshServicer
from services.runtime.errors import Unavailable
from services.runtime.interceptors import open_channel

NOBODY = "127.0.0.1:1"
SILENT = ProcessStatus(faults=[Fault(name="process", reason="it does not answer")])
WELL = ProcessStatus(serving=True, version="1.0")
ILL = ProcessStatus(faults=[Fault(name="database", reason="connection refused"), Fault(name="bus", reason="odd")])


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
    """Starts a process that has a status, or that knows nothing of such; returns its port."""
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


async def test_each_process_of_each_service_is_asked(started: Started) -> None:
    first, second = await started(WELL), await started(ILL)
    assert await ask(tts=f"127.0.0.1:{first},127.0.0.1:{second}", elo=f"127.0.0.1:{second}") == [
        ServiceStatus(name="tts", serving=True, processes=[WELL, ILL]),
        ServiceStatus(name="elo", serving=False, processes=[ILL]),
    ]


async def test_a_name_stands_for_each_of_its_addresses_and_for_none_twice(started: Started) -> None:
    port = await started(WELL)
    assert await ask(tts=f"localhost:{port}") == [ServiceStatus(name="tts", serving=True, processes=[WELL])]


async def test_a_process_that_can_not_be_asked_says_so(started: Started) -> None:
    old = await started(None)
    services = await ask(tts=NOBODY, elo=f"127.0.0.1:{old}", auth="no-such-host.invalid:1")
    assert [service.serving for service in services] == [False] * 3
    assert [service.processes[0].faults[0].reason for service in services] == [
        "it does not answer",
        "it is of another version, which tells no status",
        "it does not answer",
    ]


async def test_a_process_that_comes_back_is_found_again(started: Started) -> None:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await server.stop(None)
    mesh = MeshProcesses({"tts": f"127.0.0.1:{port}"})
    assert [list(service.processes) for service in await mesh.ask()] == [[SILENT]]
    again = grpc.aio.server()
    process_service_pb2_grpc.add_ProcessServiceServicer_to_server(Process(WELL), again)
    again.add_insecure_port(f"127.0.0.1:{port}")
    await again.start()
    while not (await mesh.ask())[0].serving:
        pass
    await mesh.close()
    await again.stop(None)


@pytest.mark.parametrize(
    ("statuses", "said", "metadata"),
    [
        ([ILL], "not serving: tts (bus, database)", {"tts": "bus, database"}),
        ([None], "not serving: tts", {"tts": "does not answer"}),
        ([ILL, None], "not serving: tts (bus, database)", {"tts": "bus, database"}),
        ([ProcessStatus()], "not serving: tts (starting or stopping)", {"tts": "starting or stopping"}),
    ],
)
async def test_the_health_names_who_is_not_serving_and_for_want_of_what(
    started: Started, statuses: list[ProcessStatus | None], said: str, metadata: dict[str, str]
) -> None:
    ports = [await started(status) if status is not None else 1 for status in statuses]
    well = await started(WELL)
    mesh = MeshProcesses({"auth": f"127.0.0.1:{well}", "tts": ",".join(f"127.0.0.1:{port}" for port in ports)})
    with pytest.raises(Unavailable) as raised:
        await MeshServicer(mesh).GetHealth(mesh_service_pb2.GetHealthRequest(), None)  # type: ignore[arg-type]
    assert (raised.value.message, raised.value.metadata) == (said, metadata)
    await mesh.close()


async def test_one_process_that_serves_is_enough_for_health(started: Started) -> None:
    mesh = MeshProcesses({"tts": f"{NOBODY},127.0.0.1:{await started(WELL)}"})
    answer = await MeshServicer(mesh).GetHealth(mesh_service_pb2.GetHealthRequest(), None)  # type: ignore[arg-type]
    assert answer.status == "ok"
    await mesh.close()


async def test_a_call_to_a_service_of_several_addresses_reaches_one_that_is_there(started: Started) -> None:
    async with open_channel(f"{NOBODY},127.0.0.1:{await started(WELL)}") as channel:
        stub = process_service_pb2_grpc.ProcessServiceStub(channel)
        answer = await stub.GetProcessStatus(process_service_pb2.GetProcessStatusRequest())
    assert answer.status == WELL
