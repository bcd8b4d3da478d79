"""The rendered configuration, as Envoy would read it."""

import socket
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from gateway.config import ExtraRoute, render, validate
from gateway.settings import DESCRIPTORS, Endpoint, GatewaySettings

Config = dict[str, Any]


@cache
def rendered(*extra: ExtraRoute, **settings: Any) -> Config:
    # The C loader, where there is one, takes a tenth of a second less.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(render(GatewaySettings(**settings), extra), loader)


def connection_manager(config: Config) -> Config:
    return config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


def routes(config: Config) -> list[Config]:
    return connection_manager(config)["route_config"]["virtual_hosts"][0]["routes"]


def route_to(config: Config, path: str) -> Config:
    """The first route that an RPC's path matches, whatever its headers."""
    matches = [r for r in routes(config) if "headers" not in r["match"]]
    return next(r for r in matches if r["match"].get("path") == path or path.startswith(r["match"].get("prefix", "\0")))


def filters(config: Config) -> list[str]:
    return [f["name"].removeprefix("envoy.filters.http.") for f in connection_manager(config)["http_filters"]]


def test_envoy_would_start_with_it():
    validate(render(GatewaySettings(access_log=True)))


def test_envoy_would_start_with_it_where_services_have_names_and_several_workers():
    validate(render(GatewaySettings(auth_address="auth:50051", tts_address="10.0.0.1:1,10.0.0.2:1", cors_origins="*")))


def test_envoy_says_what_is_wrong_with_a_configuration():
    with pytest.raises(ValueError, match="no_such_field"):
        validate("static_resources: {no_such_field: 1}")


def test_identity_headers_are_stripped_before_anybody_is_authorized_and_that_is_after_json_became_grpc():
    config = rendered()
    who_calls = ["known_keys", "ext_authz", "local_ratelimit"]
    wanted = ["cors", "grpc_web", "header_mutation", "grpc_json_transcoder", *who_calls, "router"]
    assert [name for name in filters(config) if name in wanted] == wanted
    strips = connection_manager(config)["http_filters"][filters(config).index("header_mutation")]
    assert {"remove": "x-voicearena-identity"} in strips["typed_config"]["mutations"]["request_mutations"]


@pytest.mark.parametrize(
    ("path", "cluster"),
    [
        ("/voicearena.auth.v1.AuthService/RegisterDeveloper", "auth"),
        ("/voicearena.mesh.v1.MeshService/GetHealth", "auth"),
        ("/voicearena.experiments.v1.ExperimentService/GetExperiment", "experiments"),
        ("/voicearena.tts.v1.TtsService/ListVoices", "tts"),
        ("/voicearena.scoring.v1.ScoringService/ListMetrics", "scoring"),
        ("/voicearena.elo.v1.EloService/ListVoiceModels", "elo"),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "auth"),
        ("/grpc.health.v1.Health/Check", "auth"),
    ],
)
def test_each_service_is_reached(path, cluster):
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
def test_what_services_ask_each_other_is_not_reached_from_outside(path):
    assert route_to(rendered(), path)["direct_response"] == {"status": 404}


def test_only_reflection_and_health_need_no_authorization():
    config = rendered()
    open_to_all = [
        r["match"].get("prefix")
        for r in routes(config)
        if "route" in r
        and "envoy.filters.http.ext_authz" in (filters := r.get("typed_per_filter_config", {}))
        # What is refused whoever asks goes to no service.
        and filters.get("envoy.filters.http.fault", {}).get("abort", {}).get("percentage") != {"numerator": 100}
    ]
    assert open_to_all == [
        "/grpc.reflection.v1.ServerReflection/",
        "/grpc.reflection.v1alpha.ServerReflection/",
        "/grpc.health.v1.Health/",
    ]


def test_streams_have_no_timeout_but_an_idle_one_and_other_calls_have_30_seconds():
    config = rendered()
    for path in (
        "/voicearena.experiments.v1.ExperimentService/WatchExperiment",
        "/voicearena.tts.v1.TtsService/SynthesizeSpeech",
        "/voicearena.tts.v1.TtsService/GetAudio",
        "/voicearena.experiments.v1.ExperimentService/ExportExperiment",
        "/voicearena.experiments.v1.ListeningService/GetListeningClip",
    ):
        route = route_to(config, path)["route"]
        assert (route["timeout"], route["idle_timeout"]) == ("0s", "60s")
    assert route_to(config, "/voicearena.tts.v1.TtsService/ListVoices")["route"]["timeout"] == "30s"


def test_only_messages_are_framed_as_events_and_audio_is_not():
    framing = "envoy.filters.http.grpc_json_transcoder"
    events = [r for r in routes(rendered()) if "print_options" in r.get("typed_per_filter_config", {}).get(framing, {})]
    assert [r["match"]["safe_regex"]["regex"] for r in events] == ["/api/v1/experiments/[^/]+/stream"]
    transcoder = events[0]["typed_per_filter_config"][framing]
    assert transcoder["print_options"]["stream_sse_style_delimited"] is True


def test_stored_audio_goes_to_the_services_as_it_is_asked_for():
    plain = [r for r in routes(rendered()) if r.get("route", {}).get("cluster", "").endswith("_http")]
    assert {r["match"]["safe_regex"]["regex"]: r["route"]["cluster"] for r in plain} == {
        "/api/v1/audio/[^/]+": "tts_http",
        "/api/v1/listening\\-clips/[^/]+": "experiments_http",
    }
    for route in plain:
        assert route["match"]["headers"] == [{"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD"}}}]
        assert (route["route"]["timeout"], route["route"]["idle_timeout"]) == ("0s", "60s")
        off = route["typed_per_filter_config"]["envoy.filters.http.grpc_json_transcoder"]
        assert off["disabled"] is True
        # The key is checked as for any other call.
        assert "envoy.filters.http.ext_authz" not in route["typed_per_filter_config"]


def test_what_has_left_for_a_connection_is_little_beside_a_clip():
    listener = rendered()["static_resources"]["listeners"][0]
    assert listener["per_connection_buffer_limit_bytes"] == 16384
    (option,) = listener["socket_options"]
    assert (option["level"], option["name"], option["int_value"]) == (6, socket.TCP_NOTSENT_LOWAT, 16384)


def test_bodies_of_json_are_held_to_what_a_service_takes_and_to_the_upload_limit_if_that_is_less():
    def limits(megabytes: int) -> tuple[int, int]:
        http_filters = connection_manager(rendered(max_upload_size_mb=megabytes))["http_filters"]
        named = {f["name"]: f.get("typed_config", {}) for f in http_filters}
        return (
            named["envoy.filters.http.grpc_json_transcoder"]["max_request_body_size"],
            named["envoy.filters.http.body_size_limit"]["max_request_bytes"],
        )

    assert limits(50) == (4 * 1024 * 1024, 50 * 1024 * 1024)
    assert limits(2) == (2 * 1024 * 1024, 2 * 1024 * 1024)


def test_each_origin_may_call_and_a_star_lets_all():
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
    assert set(rendered()) == {"overload_manager", "static_resources"}


def test_a_further_service_is_reached_as_grpc_and_json_without_authorization():
    extra = ExtraRoute("voicearena.elo.v1.EloService", (Endpoint("127.0.0.1", 9),), DESCRIPTORS)
    config = rendered(extra)
    assert "proto_descriptor_bin" in str(config)
    added = [r for r in routes(config) if r["match"].get("prefix") == "/voicearena.elo.v1.EloService/"][-1]
    assert added["route"]["cluster"] == "voicearena.elo.v1.EloService"
    assert added["typed_per_filter_config"]["envoy.filters.http.ext_authz"]["disabled"] is True


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", "localhost:70000", "a:1,b"])
def test_an_address_has_to_be_host_and_port(address):
    with pytest.raises(ValidationError, match="tts_address"):
        GatewaySettings(tts_address=address)


def test_protos_that_are_not_compiled_are_missed(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        render(GatewaySettings(descriptors=tmp_path / "none.pb"))
