"""A gateway: the real Envoy before a stand-in for every service."""

import signal
from collections.abc import AsyncIterator

import grpc
import httpx
import pytest
from voicearena.gateway.v1 import external_auth_pb2

from deploy.local.data_dir import DataDir
from deploy.local.ports import choose_ports
from deploy.local.process import Command, Process
from deploy.local.settings import PORT_SETTINGS, LocalSettings
from gateway.config import envoy_binary, render
from gateway.settings import GatewaySettings

AUTHORIZATION = "/envoy.service.auth.v3.Authorization/Check"
EMPTY = b""


class EveryService(grpc.GenericRpcHandler):
    """Lets every call pass that has a key, and answers each with an empty message. `seen` are the requests, by path."""

    def __init__(self) -> None:
        self.seen: dict[str, bytes] = {}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        async def answer(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            self.seen[details.method] = request
            return external_auth_pb2.CheckResponse(ok_response={}).SerializeToString() if authorizes else EMPTY

        authorizes = details.method == AUTHORIZATION
        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GatewaySettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
async def services() -> AsyncIterator[tuple[EveryService, int]]:
    server, handler = grpc.aio.server(), EveryService()
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield handler, port
    await server.stop(grace=None)


@pytest.fixture(scope="module")
async def api(services: tuple[EveryService, int]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway. The elo service is down."""
    data_dir = DataDir(None)
    ports = choose_ports(LocalSettings(_env_file=None, **dict.fromkeys(PORT_SETTINGS, 0)))
    here = f"127.0.0.1:{services[1]}"
    settings = GatewaySettings(
        api_port=ports["api_port"],
        envoy_admin_port=ports["envoy_admin_port"],
        auth_address=here,
        experiments_address=here,
        tts_address=here,
        elo_address=f"127.0.0.1:{ports['elo_port']}",
    )
    file = data_dir.path / "envoy.yaml"
    file.write_text(render(settings))
    arguments = [str(envoy_binary()), "-c", str(file), "--concurrency", "1", "--disable-hot-restart"]
    envoy = Process(Command("envoy", arguments, stop_signal=signal.SIGKILL), data_dir, print, stop_seconds=10)
    await envoy.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['api_port']}") as client:
        transport = httpx.AsyncHTTPTransport(retries=8)  # waits longer after each, 30 s in all
        async with httpx.AsyncClient(transport=transport) as admin:
            await admin.get(f"http://127.0.0.1:{ports['envoy_admin_port']}/ready")
        yield client
    await envoy.stop()
    data_dir.release()
