"""A stand-in for any service. It prints its environment, accepts every API key, is healthy and registers developers."""

import asyncio
import os
import sys

import grpc
from voicearena.auth.v1 import auth_service_pb2
from voicearena.gateway.v1 import external_auth_pb2
from voicearena.mesh.v1 import mesh_service_pb2


def register(request: bytes) -> bytes:
    name = auth_service_pb2.RegisterDeveloperRequest.FromString(request).name
    return auth_service_pb2.RegisterDeveloperResponse(api_key=f"kc_of_{name}").SerializeToString()


RESPONSES = {
    "/envoy.service.auth.v3.Authorization/Check": lambda _: external_auth_pb2.CheckResponse(
        ok_response={}
    ).SerializeToString(),
    "/voicearena.mesh.v1.MeshService/GetHealth": lambda _: mesh_service_pb2.GetHealthResponse(
        status="ok"
    ).SerializeToString(),
    "/voicearena.auth.v1.AuthService/RegisterDeveloper": register,
}


class EveryMethod(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        async def respond(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            return RESPONSES[details.method](request)

        return grpc.unary_unary_rpc_method_handler(respond) if details.method in RESPONSES else None


async def main() -> None:
    sys.stdout.writelines(f"{name}={value}\n" for name, value in os.environ.items())
    sys.stdout.flush()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([EveryMethod()])
    server.add_insecure_port(os.environ["GRPC_ADDRESS"])
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
