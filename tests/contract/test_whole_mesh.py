"""What the gateway reports about the whole mesh: reflection, and which service is down."""

import asyncio

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from deploy.local.mesh import Mesh
from tests.contract.clients import Client, bearer, json_failure
from tests.contract.rpcs import rpcs
from tests.contract.world import World

SERVICES = {
    "voicearena.auth.v1.AuthService",
    "voicearena.experiments.v1.ExperimentService",
    "voicearena.experiments.v1.ListeningService",
    "voicearena.experiments.v1.WebhookService",
    "voicearena.tts.v1.TtsService",
    "voicearena.scoring.v1.ScoringService",
    "voicearena.elo.v1.EloService",
    "voicearena.mesh.v1.MeshService",
}


STATUS = "MeshService.GetStatus"


async def test_reflection_lists_and_describes_every_service(mesh: Mesh) -> None:
    def ask() -> tuple[set[str], dict[str, list[str]]]:
        with grpc.insecure_channel(mesh.api_url.removeprefix("http://")) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            listed = set(database.get_services())
            described = {}
            for name in sorted(listed & SERVICES):
                file = database.FindFileContainingSymbol(name)
                (service,) = (each for each in file.service if f"{file.package}.{each.name}" == name)
                described[name] = [method.name for method in service.method]
            return listed, described

    listed, described = await asyncio.to_thread(ask)
    assert listed >= SERVICES
    assert not any(name.startswith("envoy.") for name in listed)
    for name, methods in described.items():
        assert methods == [rpc.descriptor.name for rpc in rpcs().values() if rpc.path.startswith(f"/{name}/")]


async def test_the_gateway_serves_grpc_health_checks(mesh: Mesh) -> None:
    async with grpc.aio.insecure_channel(mesh.api_url.removeprefix("http://")) as channel:
        response = await health_pb2_grpc.HealthStub(channel).Check(  # type: ignore[attr-defined]
            health_pb2.HealthCheckRequest(), timeout=10
        )
    assert response.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_stopped_service_is_named(
    mesh: Mesh, clients: dict[str, Client], http: httpx.AsyncClient, world: World
) -> None:
    await mesh.stop("scoring")
    try:
        health = await http.get("/api/v1/health")
        status = await clients["grpc"].call(rpcs()[STATUS], {}, bearer(world.developer.api_key))
        down = [
            await clients[protocol].call(rpcs()["ScoringService.ListMetrics"], {}, bearer(world.developer.api_key))
            for protocol in ("grpc", "grpc-web", "json")
        ]
        others = await clients["json"].call(rpcs()["TtsService.ListProviders"], {}, bearer(world.developer.api_key))
    finally:
        await mesh.start("scoring")
        await mesh.wait_serving()
    outcome = json_failure(health)
    assert (health.status_code, outcome.reason, outcome.message) == (503, "UNAVAILABLE", "Not serving: scoring")
    assert outcome.metadata == {"scoring": "does not answer"}
    serving = {service["name"]: service.get("serving", False) for service in status.answer["services"]}
    assert serving == {name: name != "scoring" for name in mesh.endpoints}
    (scoring,) = status.answer["services"][3]["processes"]
    assert scoring["faults"] == [{"name": "process", "reason": "it does not answer"}]
    assert [(each.code, each.reason, each.metadata) for each in down] == [
        ("UNAVAILABLE", "UNAVAILABLE", {"service": "scoring"})
    ] * 3
    assert down[2].http_status == 503
    assert others.code == "OK"
    assert (await http.get("/api/v1/health")).text == '{"status":"ok"}'
