"""The rendered configuration of Envoy."""

import dataclasses
import socket
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from gateway.config import ExtraRoute, render, validate
from gateway.descriptors import Descriptors, call_options
from gateway.routes import service_of
from gateway.settings import DESCRIPTORS, HTTP_SERVICES, GatewaySettings, ServerAddress

Config = dict[str, Any]
IDENTIFIED = {"name": "x-voicearena-identity", "present_match": True}


@cache
def rendered(*extra: ExtraRoute, **settings: Any) -> Config:
    # The C loader, if it is available, is a tenth of a second faster.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(render(GatewaySettings(**settings), extra), loader)


def connection_manager(config: Config) -> Config:
    return config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def routes(config: Config) -> list[Config]:
    return connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"]


def route_to(config: Config, path: str) -> Config:
    """Returns the route for an RPC's path when the caller is identified."""
    matches = [r for r in routes(config) if r["match"].get("headers", [IDENTIFIED]) == [IDENTIFIED]]
    return next(r for r in matches if r["match"].get("path") == path or path.startswith(r["match"].get("prefix", "\0")))


def filters(config: Config) -> list[str]:
    return [f["name"].removeprefix("envoy.filters.http.") for f in connection_manager(config)["http_filters"]]


def test_each_service_with_stored_bytes_or_uploads_serves_plain_http() -> None:
    methods = {method: call_options(method) for method in Descriptors.read(DESCRIPTORS).methods("voicearena.")}
    plain = {method for method, options in methods.items() if options.stored_bytes or options.takes_uploads}
    assert {service_of(method) for method in plain} == set(HTTP_SERVICES)


def test_envoy_accepts_the_configuration():
    validate(render(GatewaySettings(access_log=True)))


def test_envoy_accepts_host_names_and_several_workers():
    validate(render(GatewaySettings(auth_address="auth:50051", tts_address="10.0.0.1:1,10.0.0.2:1", cors_origins="*")))


def test_the_error_for_a_bad_configuration_has_envoys_message():
    with pytest.raises(ValueError, match="no_such_field"):
        validate("static_resources: {no_such_field: 1}")


def test_identity_headers_are_removed_first_and_the_caller_is_known_before_the_body_is_read():
    config = rendered()
    caller = ["known_keys", "ext_authz", "local_ratelimit"]
    limits = ["body_limit_64", "body_limit_1536", "body_limit_4096", "body_limit_1048576"]
    body = ["body_limit", *limits, "body_check", "grpc_json_transcoder"]
    expected = ["cors", "grpc_web", "header_mutation", *caller, *body, "router"]
    assert [name for name in filters(config) if name in expected] == expected
    mutation = connection_manager(config)["http_filters"][filters(config).index("header_mutation")]
    assert {"remove": "x-voicearena-identity"} in mutation["typed_config"]["mutations"]["request_mutations"]


@pytest.mark.parametrize(
    ("path", "cluster"),
    [
        ("/voicearena.auth.v1.AuthService/RegisterDeveloper", "auth"),
        ("/voicearena.mesh.v1.MeshService/GetHealth", "auth"),
        ("/voicearena.experiments.v1.ExperimentService/GetExperiment", "experiments"),
        ("/voicearena.tts.v1.TtsService/ListVoices", "tts"),
        ("/voicearena.scoring.v1.ScoringService/ListMetrics", "scoring"),
        ("/voicearena.elo.v1.EloService/ListVoiceModels", "elo"),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "open"),
        ("/grpc.health.v1.Health/Check", "open"),
    ],
)
def test_each_service_has_a_route(path, cluster):
    assert route_to(rendered(), path)["route"]["cluster"] == cluster


@pytest.mark.parametrize(
    "path",
    [
        "/voicearena.auth.v1.AuthService/ListSigningKeys",
        "/voicearena.elo.v1.EloService/ResolveVoiceModels",
        "/voicearena.mesh.v1.ProcessService/GetProcessStatus",
        "/envoy.service.auth.v3.Authorization/Check",
    ],
)
def test_internal_rpcs_cannot_be_called_from_outside(path):
    assert route_to(rendered(), path)["direct_response"] == {"status": 404}


OPEN_RPCS_OF_THE_ARENA = (
    *("AnalyticsService/GetSummary", "AnalyticsService/GetCorrelations"),
    *("BattleService/GetBattle", "BattleService/ListBattles", "BattleService/WatchBattle"),
    *(
        "BattleService/NextBattle",
        "BattleService/GetBattleClip",
        "BattleService/VoteInBattle",
        "BattleService/GetVoter",
    ),
    *("EloService/ListVoiceModels", "EloService/GetVoiceModel"),
    *("LeaderboardService/GetLeaderboard", "LeaderboardService/WatchLeaderboard", "LeaderboardService/ListSnapshots"),
    *("LeaderboardService/GetHeadToHead", "LeaderboardService/ExportVotes", "LeaderboardService/GetExportKey"),
    *("LeaderboardService/GetLeaderboardCard", "EloService/GetVoiceModelCard"),
    *("ScenarioService/ListScenarios", "ScenarioService/GetScenario"),
)


def test_without_an_identity_only_public_rpcs_are_forwarded():
    """These are the routes that are matched after the transcoder."""
    forwarded = {
        r["match"].get("path", r["match"].get("prefix"))
        for r in routes(rendered())
        if "route" in r and "safe_regex" not in r["match"] and "headers" not in r["match"]
        if r["route"]["cluster"] != "identity_missing"
    }
    assert forwarded == {
        # This one is matched before the transcoder, which refuses the call.
        "/api/",
        "/grpc.reflection.v1.ServerReflection/",
        "/grpc.reflection.v1alpha.ServerReflection/",
        "/grpc.health.v1.Health/",
        "/voicearena.auth.v1.AuthService/RegisterDeveloper",
        "/voicearena.auth.v1.AuthService/CreateVoter",
        "/voicearena.mesh.v1.MeshService/GetHealth",
        "/voicearena.tts.v1.TtsService/GetAudio",
        "/voicearena.experiments.v1.ListeningService/JoinListening",
        "/voicearena.experiments.v1.ListeningService/NextListeningPair",
        "/voicearena.experiments.v1.ListeningService/GetListeningClip",
        "/voicearena.experiments.v1.ListeningService/CastListeningVote",
        *(f"/voicearena.elo.v1.{rpc}" for rpc in OPEN_RPCS_OF_THE_ARENA),
    }


def test_calls_without_a_key_share_no_connections_and_limits_with_calls_with_a_key():
    config = rendered()
    for route in routes(config):
        before_the_transcoder = "safe_regex" in route["match"] or route["match"].get("prefix") == "/api/"
        if "route" in route and (not before_the_transcoder or route["route"]["cluster"].endswith("_http")):
            identified = IDENTIFIED in route["match"].get("headers", [])
            assert (route["route"].get("priority") == "HIGH") == identified
    authorization = next(f for f in connection_manager(config)["http_filters"] if f["name"].endswith("ext_authz"))
    key_check = authorization["typed_config"]["grpc_service"]["envoy_grpc"]["cluster_name"]
    assert key_check not in {route["route"]["cluster"] for route in routes(config) if "route" in route}


def test_streams_have_only_an_idle_timeout_and_other_calls_have_30_seconds():
    config = rendered()
    for path in (
        "/voicearena.experiments.v1.ExperimentService/WatchExperiment",
        "/voicearena.tts.v1.TtsService/SynthesizeSpeech",
        "/voicearena.tts.v1.TtsService/GetAudio",
        "/voicearena.experiments.v1.ExperimentService/ExportExperiment",
        "/voicearena.experiments.v1.ExperimentService/GetReport",
        "/voicearena.experiments.v1.ListeningService/GetListeningClip",
        "/voicearena.scoring.v1.EvaluationService/WatchEvaluation",
    ):
        route = route_to(config, path)["route"]
        assert (route["timeout"], route["idle_timeout"]) == ("0s", "60s")
    assert route_to(config, "/voicearena.tts.v1.TtsService/ListVoices")["route"]["timeout"] == "30s"


def test_streams_of_messages_are_framed_as_events_and_audio_is_not():
    framing = "envoy.filters.http.grpc_json_transcoder"
    events = [r for r in routes(rendered()) if "print_options" in r.get("typed_per_filter_config", {}).get(framing, {})]
    streams = "(/api/v1/experiments/[^/]+/stream|/api/v1/evaluations/[^/]+/stream)/?"
    open_streams = "(/api/v1/battles/[^/]+/stream|/api/v1/leaderboard/stream)/?"
    audit = "(/api/v1/metrics/audit)/?"
    assert [r["match"]["safe_regex"]["regex"] for r in events] == [
        *(streams, streams),
        *(open_streams, open_streams),
        *(audit, audit),
    ]
    transcoder = events[0]["typed_per_filter_config"][framing]
    assert transcoder["print_options"]["stream_sse_style_delimited"] is True


def test_calls_for_stored_audio_are_forwarded_unchanged():
    plain = [r for r in routes(rendered()) if r.get("route", {}).get("cluster", "") in ("tts_http", "experiments_http")]
    assert {r["match"]["safe_regex"]["regex"]: r["route"]["cluster"] for r in plain} == {
        "/api/v1/audio/[^/]+": "tts_http",
        "/api/v1/listening\\-clips/[^/]+": "experiments_http",
    }
    for route in plain:
        assert {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}} in route["match"]["headers"]
        assert (route["route"]["timeout"], route["route"]["idle_timeout"]) == ("0s", "60s")
        off = route["typed_per_filter_config"]["envoy.filters.http.grpc_json_transcoder"]
        assert off["disabled"] is True
        # The API key is checked as for any other call.
        assert "disabled" not in route["typed_per_filter_config"]["envoy.filters.http.ext_authz"]


def test_uploads_are_forwarded_unchanged_with_an_identity_and_json_is_not():
    uploads = [route for route in routes(rendered()) if route.get("name") == "uploads"]
    assert [route["route"]["cluster"] for route in uploads] == ["scoring_http", "identity_missing"]
    for route in uploads:
        assert route["match"]["safe_regex"]["regex"] == "/api/v1/evaluations/?"
        content_type = next(h for h in route["match"]["headers"] if h["name"] == "content-type")
        assert (content_type["invert_match"], "json" in str(content_type["string_match"])) == (True, True)
        assert route["typed_per_filter_config"]["envoy.filters.http.grpc_json_transcoder"]["disabled"] is True
        assert "envoy.filters.http.ext_authz" not in route["typed_per_filter_config"]
    assert IDENTIFIED in uploads[0]["match"]["headers"]


def test_the_buffers_of_a_connection_are_small_compared_to_a_clip():
    listener = rendered()["static_resources"]["listeners"][0]
    assert listener["per_connection_buffer_limit_bytes"] == 16384
    (option,) = listener["socket_options"]
    assert (option["level"], option["name"], option["int_value"]) == (6, socket.TCP_NOTSENT_LOWAT, 16384)


def test_the_limit_of_a_body_is_that_of_its_route_or_the_smaller_upload_limit():
    def limits(megabytes: int) -> set[int]:
        http_filters = connection_manager(rendered(max_upload_size_mb=megabytes))["http_filters"]
        return {f["typed_config"]["max_request_bytes"] for f in http_filters if f["name"].startswith("body_limit_")}

    # The last one is that of an upload over gRPC, whose service refuses what is too large.
    assert limits(50) == {64 * 1024, 1536 * 1024, 4096 * 1024, 1024**3}
    assert limits(1) == {64 * 1024, 1024 * 1024, 1024**3}


def test_listed_origins_can_call_and_a_star_allows_all():
    def origins(text: str) -> list[Config]:
        host = connection_manager(rendered(cors_origins=text))["route_config"]["virtual_hosts"][0]
        return host["typed_per_filter_config"]["envoy.filters.http.cors"]["allow_origin_string_match"]

    assert origins("http://a, http://b") == [{"exact": "http://a"}, {"exact": "http://b"}]
    assert origins("*") == [{"safe_regex": {"regex": ".*"}}]
    assert origins("") == []


def test_each_worker_is_an_endpoint():
    config = rendered(tts_address="127.0.0.1:1,[::1]:2")
    cluster = next(c for c in config["static_resources"]["clusters"] if c["name"] == "tts")
    sockets = [
        e["endpoint"]["address"]["socket_address"] for e in cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    ]
    assert sockets == [{"address": "127.0.0.1", "port_value": 1}, {"address": "::1", "port_value": 2}]
    assert cluster["type"] == "STATIC"


def test_there_is_no_admin_interface():
    assert "admin" not in rendered()


def test_an_extra_service_can_be_called_over_grpc_and_json_without_a_key():
    extra = ExtraRoute("voicearena.elo.v1.EloService", (ServerAddress("127.0.0.1", 9),), DESCRIPTORS)
    config = rendered(extra)
    assert "proto_descriptor_bin" in str(config)
    added = [r for r in routes(config) if r["match"].get("prefix") == "/voicearena.elo.v1.EloService/"][-1]
    assert added["route"]["cluster"] == "voicearena.elo.v1.EloService"
    assert "headers" not in added["match"]
    guarded = [r for r in routes(rendered(dataclasses.replace(extra, guarded=True))) if "prefix" in r["match"]]
    added = next(r for r in guarded if r["match"]["prefix"] == "/voicearena.elo.v1.EloService/")
    assert added["match"]["headers"] == [IDENTIFIED]


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", "localhost:70000", "a:1,b"])
def test_an_address_must_be_host_and_port(address):
    with pytest.raises(ValidationError, match="tts_address"):
        GatewaySettings(tts_address=address)


def test_protos_that_are_not_compiled_are_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        render(GatewaySettings(descriptors=tmp_path / "none.pb"))
