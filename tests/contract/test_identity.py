"""Services take the caller's identity from the gateway only, and the gateway passes on only what it has checked."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from voicearena.auth.v1 import auth_service_pb2
from voicearena.elo.v1 import elo_service_pb2
from voicearena.gateway.v1 import access_log_pb2, external_auth_pb2

from deploy.local.mesh import Mesh
from services.runtime.identity import ALGORITHM, AUDIENCE, IDENTITY_HEADER, ISSUER, SCOPES, scope_of
from services.runtime.ids import new_id
from tests.contract.clients import PROTOCOLS, Client, GrpcClient, bearer, json_failure
from tests.contract.leftovers import Leftovers
from tests.contract.rpcs import Rpc, public_rpcs, rpcs
from tests.contract.world import World
from tests.mesh import Developer

# The RPCs that anyone may call.
OPEN_RPCS = {
    "AuthService.RegisterDeveloper",
    "AuthService.CreateVoter",
    "MeshService.GetHealth",
    "TtsService.GetAudio",
    "AnalyticsService.GetSummary",
    "AnalyticsService.GetCorrelations",
    # These need a listening link.
    "ListeningService.JoinListening",
    "ListeningService.NextListeningPair",
    "ListeningService.GetListeningClip",
    "ListeningService.CastListeningVote",
    # Public boards.
    "LeaderboardService.GetLeaderboard",
    "LeaderboardService.WatchLeaderboard",
    "LeaderboardService.ListSnapshots",
    "LeaderboardService.GetHeadToHead",
    "LeaderboardService.ExportVotes",
    "LeaderboardService.GetExportKey",
    "LeaderboardService.GetLeaderboardCard",
    # Public battles.
    "BattleService.GetBattle",
    "BattleService.ListBattles",
    "BattleService.WatchBattle",
    "BattleService.GetBattleClip",
    # Public models and scenarios.
    "EloService.ListVoiceModels",
    "EloService.GetVoiceModel",
    "EloService.GetVoiceModelCard",
    "ScenarioService.ListScenarios",
    "ScenarioService.GetScenario",
}
# These need a voter's session.
FOR_VOTERS = {"BattleService.GetVoter", "BattleService.NextBattle", "BattleService.VoteInBattle"}
# Services call these before they have an identity or where none can be checked.
OPEN_TO_SERVICES = {"AuthService.ListSigningKeys", "AuthService.CheckApiKeys", "ProcessService.GetProcessStatus"}
INTERNAL_RPCS = {
    *OPEN_TO_SERVICES,
    "EloService.ResolveVoiceModels",
    "RecordingService.CheckRecording",
    "ScoringService.CheckEvaluation",
    "WebhookService.EnsureWebhookEndpoint",
    "WebhookService.ShowWebhookSecret",
}
# Clients can call these over gRPC.
WITHOUT_JSON_ROUTE = {"EvaluationService.UploadEvaluation"}
ME = "AuthService.GetCurrentDeveloper"
GUARDED = sorted(set(rpcs()) - OPEN_RPCS - OPEN_TO_SERVICES)

Sign = Callable[..., str]


def test_internal_rpcs_have_no_public_route() -> None:
    assert set(rpcs()) - set(public_rpcs()) == INTERNAL_RPCS | WITHOUT_JSON_ROUTE


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sign(leftovers: Leftovers) -> Sign:
    """Signs tokens with a key that auth publishes to the services. Nobody outside the mesh could do this."""
    private = Ed25519PrivateKey.generate()
    key_id = new_id("sig")
    await leftovers.execute(
        "INSERT INTO auth.signing_keys (id, public_key, used_until) VALUES (%s, %s, now() + interval '1 hour')",
        (key_id, private.public_key().public_bytes_raw()),
    )

    def token(developer_id: str, *, seconds: float = 60, kid: str = key_id, **claims: Any) -> str:
        moment = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": developer_id,
            "scope": " ".join(SCOPES),
            "iat": moment - timedelta(minutes=10),
            "exp": moment + timedelta(seconds=seconds),
            **claims,
        }
        return jwt.encode(claims, private, algorithm=ALGORITHM, headers={"kid": kid})

    return token


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def direct(mesh: Mesh) -> AsyncIterator[Callable[[str], GrpcClient]]:
    """Returns a client that calls a service directly, without the gateway."""
    channels = {name: grpc.aio.insecure_channel(address) for name, address in mesh.endpoints.items()}
    yield lambda service: GrpcClient(channels[service])
    for channel in channels.values():
        await channel.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", sorted(set(public_rpcs()) - OPEN_RPCS))
async def test_every_rpc_requires_a_key(name: str, protocol: str, clients: dict[str, Client], world: World) -> None:
    route = rpcs()[name].route
    request = dict.fromkeys(re.findall(r"\{(\w+)\}", route[1] if route else ""), "x")
    without = await clients[protocol].call(rpcs()[name], request)
    mangled = await clients[protocol].call(rpcs()[name], request, await world.headers("mangled key"))
    assert (without.code, without.reason) == ("UNAUTHENTICATED", "CREDENTIALS_MISSING")
    assert (mangled.code, mangled.reason) == ("UNAUTHENTICATED", "CREDENTIALS_INVALID")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", sorted(set(public_rpcs()) - OPEN_RPCS - FOR_VOTERS))
async def test_rpcs_for_developers_refuse_voters(
    name: str, protocol: str, clients: dict[str, Client], world: World
) -> None:
    route = rpcs()[name].route
    request = dict.fromkeys(re.findall(r"\{(\w+)\}", route[1] if route else ""), "x")
    outcome = await clients[protocol].call(rpcs()[name], request, await world.headers("voter session"))
    assert (outcome.code, outcome.reason) == ("PERMISSION_DENIED", "PERMISSION_DENIED")
    assert "A voter's session can only listen and vote" in outcome.message


@pytest.mark.parametrize("name", GUARDED)
async def test_a_service_refuses_a_call_without_an_identity_token(
    name: str, direct: Callable[[str], GrpcClient], world: World
) -> None:
    rpc = rpcs()[name]
    without = await direct(rpc.owner).call(rpc, {})
    with_a_key = await direct(rpc.owner).call(rpc, {}, bearer(world.developer.api_key))
    assert (without.code, without.reason) == ("UNAUTHENTICATED", "CREDENTIALS_MISSING")
    assert (with_a_key.code, with_a_key.reason) == ("UNAUTHENTICATED", "CREDENTIALS_MISSING")


# One RPC of each service that any developer can call.
RPC_OF_EACH_SERVICE = {
    "auth": (ME, {}),
    "experiments": ("ExperimentService.ListExperiments", {}),
    "tts": ("TtsService.ListProviders", {}),
    "scoring": ("ScoringService.ListMetrics", {}),
    "elo": ("EloService.ResolveVoiceModels", {}),
}


@pytest.mark.parametrize("service", sorted(RPC_OF_EACH_SERVICE))
async def test_a_service_accepts_only_a_valid_identity_token(
    service: str, direct: Callable[[str], GrpcClient], sign: Sign, world: World
) -> None:
    name, request = RPC_OF_EACH_SERVICE[service]
    somebody = world.developer.id

    async def outcome(token: str) -> tuple[str, str]:
        found = await direct(service).call(rpcs()[name], request, {IDENTITY_HEADER: token})
        return found.code, found.reason

    refused = ("UNAUTHENTICATED", "CREDENTIALS_INVALID")
    unsigned = jwt.encode({"sub": somebody, "aud": AUDIENCE, "iss": ISSUER}, None, algorithm="none")  # type: ignore[arg-type]
    stranger = jwt.encode(
        {"sub": somebody}, Ed25519PrivateKey.generate(), algorithm=ALGORITHM, headers={"kid": "sig_0"}
    )
    good = sign(somebody)
    head, body, signature = good.split(".")
    assert await outcome(good) == ("OK", "")
    scope = scope_of(rpcs()[name].descriptor)
    others = " ".join(each for each in SCOPES if each != scope)
    assert await outcome(sign(somebody, scope=others)) == (
        ("PERMISSION_DENIED", "SCOPE_MISSING") if scope else ("OK", "")
    )
    assert await outcome(sign(somebody, seconds=-1)) == refused
    assert await outcome(sign(somebody, aud="elsewhere")) == refused
    assert await outcome(sign(somebody, iss="elsewhere")) == refused
    assert await outcome(sign(somebody, kid="sig_unknown")) == refused
    assert await outcome(f"{head}.{sign(world.somebody_else.id).split('.')[1]}.{signature}") == refused
    assert await outcome(f"{head}.{body}.") == refused
    assert await outcome(unsigned) == refused
    assert await outcome(stranger) == refused
    assert await outcome("not a token") == refused


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_an_identity_sent_by_a_client_is_removed(
    protocol: str, clients: dict[str, Client], sign: Sign, world: World
) -> None:
    identity = {IDENTITY_HEADER: sign(world.somebody_else.id)}
    with_a_key = await clients[protocol].call(rpcs()[ME], {}, bearer(world.developer.api_key) | identity)
    without = await clients[protocol].call(rpcs()[ME], {}, identity)
    assert with_a_key.answer["id"] == world.developer.id
    assert without.reason == "CREDENTIALS_MISSING"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_an_identity_sent_by_a_client_is_removed_from_public_rpcs_too(
    protocol: str, clients: dict[str, Client], sign: Sign, world: World
) -> None:
    name = await world.value("audio_name")
    identity = {IDENTITY_HEADER: sign(world.developer.id)}
    outcome = await clients[protocol].call(rpcs()["TtsService.GetAudio"], {"name": name}, identity)
    assert outcome.reason == "CREDENTIALS_MISSING"


async def test_an_identity_header_with_underscores_is_refused(
    http: httpx.AsyncClient, sign: Sign, world: World
) -> None:
    headers = {"x_voicearena_identity": sign(world.developer.id)}
    response = await http.get("/api/v1/developers/me", headers=headers)
    assert (response.status_code, json_failure(response).reason) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("protocol", ["grpc", "grpc-web"])
@pytest.mark.parametrize("name", sorted(INTERNAL_RPCS))
async def test_internal_rpcs_can_not_be_called_through_the_gateway(
    name: str, protocol: str, clients: dict[str, Client], world: World
) -> None:
    for headers in ({}, bearer(world.developer.api_key)):
        outcome = await clients[protocol].call(rpcs()[name], {}, headers)
        assert (outcome.code, outcome.reason) == ("UNIMPLEMENTED", "ROUTE_NOT_FOUND")


@pytest.mark.parametrize("protocol", ["grpc", "grpc-web"])
async def test_rpcs_for_the_gateway_can_not_be_called_through_it(protocol: str, clients: dict[str, Client]) -> None:
    check = external_auth_pb2.DESCRIPTOR.services_by_name["Authorization"].methods_by_name["Check"]
    tell = access_log_pb2.DESCRIPTOR.services_by_name["AccessLogService"].methods_by_name["StreamAccessLogs"]
    for method in (check, tell):
        outcome = await clients[protocol].call(Rpc(method), {})
        assert (outcome.code, outcome.reason) == ("UNIMPLEMENTED", "ROUTE_NOT_FOUND")


@pytest.mark.parametrize(
    "request_type", [auth_service_pb2.ListSigningKeysRequest, elo_service_pb2.ResolveVoiceModelsRequest]
)
async def test_internal_rpcs_can_not_be_called_with_json(
    request_type: Any, http: httpx.AsyncClient, world: World
) -> None:
    service = request_type.DESCRIPTOR.full_name.rpartition(".")[0]
    method = request_type.DESCRIPTOR.name.removesuffix("Request")
    kind = "AuthService" if "auth" in service else "EloService"
    response = await http.post(f"/{service}.{kind}/{method}", json={}, headers=bearer(world.developer.api_key))
    # A path of gRPC takes no JSON, whether or not it has a method.
    assert (response.status_code, json_failure(response).reason) == (415, "UNSUPPORTED_MEDIA_TYPE")


# The RPCs that need no scope.
WITHOUT_SCOPE = {
    "AuthService.RegisterDeveloper",
    "AuthService.CreateVoter",
    "AuthService.GetCurrentDeveloper",
    *INTERNAL_RPCS,
    "MeshService.GetHealth",
    "MeshService.GetStatus",
    "TtsService.ListProviders",
    "TtsService.ListVoices",
    "TtsService.GetAudio",
    "ScoringService.ListMetrics",
    "ListeningService.JoinListening",
    "ListeningService.NextListeningPair",
    "ListeningService.GetListeningClip",
    "ListeningService.CastListeningVote",
    "ScenarioService.ListScenarios",
    "ScenarioService.GetScenario",
    *(name for name in OPEN_RPCS if name.startswith(("AnalyticsService.", "BattleService.", "LeaderboardService."))),
    *FOR_VOTERS,
}


@pytest.mark.parametrize("name", sorted(rpcs()))
def test_every_rpc_needs_a_known_scope_or_is_listed_as_needing_none(name: str) -> None:
    scope = scope_of(rpcs()[name].descriptor)
    assert (scope == "") is (name in WITHOUT_SCOPE)
    assert scope in ("", *SCOPES)


async def test_an_expiring_key_stops_working_within_a_second(clients: dict[str, Client], developer: Developer) -> None:
    grpc_client, headers = clients["grpc"], bearer(developer.api_key)
    ends = datetime.now(UTC) + timedelta(seconds=2)
    request = {"name": "brief", "expires_at": ends.isoformat().replace("+00:00", "Z")}
    made = (await grpc_client.call(rpcs()["AuthService.CreateApiKey"], request, headers)).answer
    used = bearer(made["key"])
    async with asyncio.timeout(10):
        while (outcome := await grpc_client.call(rpcs()[ME], {}, used)).code == "OK":
            assert datetime.now(UTC) < ends + timedelta(seconds=1)
    assert datetime.now(UTC) >= ends
    assert outcome.reason == "CREDENTIALS_INVALID"
    assert "The API key expired at" in outcome.message


async def test_a_revoked_key_stops_working_within_a_second(clients: dict[str, Client], developer: Developer) -> None:
    grpc_client, headers = clients["grpc"], bearer(developer.api_key)
    made = (await grpc_client.call(rpcs()["AuthService.CreateApiKey"], {"name": "laptop"}, headers)).answer
    used = bearer(made["key"])
    assert (await grpc_client.call(rpcs()[ME], {}, used)).code == "OK"
    await grpc_client.call(rpcs()["AuthService.RevokeApiKey"], {"id": made["api_key"]["id"]}, headers)
    async with asyncio.timeout(1):
        while (await grpc_client.call(rpcs()[ME], {}, used)).reason != "CREDENTIALS_INVALID":
            pass
    # The other key still works.
    assert (await grpc_client.call(rpcs()[ME], {}, headers)).code == "OK"
