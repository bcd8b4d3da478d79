"""A bare grpc.aio echo service, with which the rates of real services are compared.

`python -m tests.bench.echo_server DESCRIPTORS PORT` serves until it is stopped. With the address of auth as another
argument, it serves two echoes with the interceptors of the mesh instead: a public one, and one that needs an API key.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message_factory
from grpc_tools import protoc  # type: ignore[import-untyped]

from gateway.descriptors import Descriptors
from services.runtime import event_loop
from services.runtime.identity import TokenVerifier
from services.runtime.interceptors import GuardedServer
from services.runtime.open_streams import OpenStreams
from services.runtime.server import signing_keys

SERVICE = "bench.v1.EchoService"
OBSERVED_SERVICE = "bench.v1.ObservedEchoService"
GUARDED_SERVICE = "bench.v1.GuardedEchoService"
PROTO = Path(__file__).parent / "echo.proto"
THIRD_PARTY = Path(__file__).parents[2] / "protos" / "third_party"
START_SECONDS = 20.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.05


def compile_descriptors(target: Path) -> None:
    """Writes the compiled descriptor set of the echo service. Raises RuntimeError if it does not compile."""
    arguments = [
        "protoc",
        f"-I{PROTO.parent}",
        f"-I{THIRD_PARTY}",
        f"-I{files('grpc_tools') / '_proto'}",
        f"--descriptor_set_out={target}",
        "--include_imports",
        PROTO.name,
    ]
    if protoc.main(arguments):
        raise RuntimeError(f"{PROTO} does not compile")


@contextlib.asynccontextmanager
async def running(descriptors: Path, port: int, *auth_address: str) -> AsyncIterator[None]:
    """Serves in a separate process during the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.echo_server", str(descriptors), str(port), *auth_address
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            await _wait_until_listening(port)
        yield
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _wait_until_listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(POLL_SECONDS)
        else:
            writer.close()
            return


async def no_faults(key_ids: Collection[str]) -> Mapping[str, str]:
    """Returns no faults, because these services have no streams."""
    return {}


async def serve(descriptors: Path, port: int, *auth_address: str) -> None:
    """Serves on loopback. Calls are bare unless the address of auth is given."""
    message = message_factory.GetMessageClass(
        Descriptors.read(descriptors).pool.FindMessageTypeByName("bench.v1.EchoMessage")
    )

    async def echo(request: Any, _: grpc.aio.ServicerContext[Any, Any]) -> Any:
        return message(text=request.text)

    method = grpc.unary_unary_rpc_method_handler(echo, message.FromString, message.SerializeToString)
    server = grpc.aio.server()
    if auth_address:
        verifier, public = TokenVerifier(partial(signing_keys, *auth_address)), {f"/{OBSERVED_SERVICE}/Echo"}
        guarded = GuardedServer(server, verifier, public, OpenStreams(no_faults))
        for service in (OBSERVED_SERVICE, GUARDED_SERVICE):
            guarded.add_registered_method_handlers(service, {"Echo": method})
    else:
        server.add_registered_method_handlers(SERVICE, {"Echo": method})
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Echo": method}),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    event_loop.run(serve(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
