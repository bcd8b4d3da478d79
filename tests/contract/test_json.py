"""What only JSON users see: names, numbers, malformed bodies and queries, and CORS."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.contract import grpc_web
from tests.contract.cases.planning import experiment
from tests.contract.clients import Client, bearer, json_body, json_failure
from tests.contract.leftovers import Leftovers
from tests.contract.outcome import failed
from tests.contract.rpcs import public_rpcs, rpcs
from tests.contract.world import World

EXPERIMENTS = "/api/v1/experiments"
JSON = {"content-type": "application/json"}
MEGABYTE = 1024 * 1024
ORIGIN = "http://localhost:3000"
SIXTY_FOUR_BITS = (
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
)


def fields_of(message: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    """Yields every field of a message and of nested messages, except google types, which have their own JSON form."""
    if message.full_name in seen or message.full_name.startswith("google."):
        return
    seen.add(message.full_name)
    for field in message.fields:
        yield field
        if field.message_type:
            yield from fields_of(field.message_type, seen)


def wire_fields() -> list[FieldDescriptor]:
    """Returns every field of every request and response of the API."""
    seen: set[str] = set()
    messages = [d for rpc in public_rpcs().values() for d in (rpc.descriptor.input_type, rpc.descriptor.output_type)]
    return [field for message in messages for field in fields_of(message, seen)]


def test_no_number_becomes_a_string_in_json() -> None:
    assert [field.full_name for field in wire_fields() if field.type in SIXTY_FOUR_BITS] == []


def test_enum_values_are_lower_case_and_their_zero_is_unspecified() -> None:
    enums = {field.enum_type for field in wire_fields() if field.enum_type}
    values = [value.name for enum in enums for value in enum.values]
    assert values == [value.lower() for value in values]
    assert all(enum.values_by_number[0].name.endswith("_unspecified") for enum in enums)


async def test_the_health_response_is_exact(http: httpx.AsyncClient) -> None:
    response = await http.get("/api/v1/health")
    assert (response.status_code, response.headers["content-type"], response.text) == (
        200,
        "application/json",
        '{"status":"ok"}',
    )


@pytest.mark.parametrize(
    "name",
    ["completed_experiment", "created_experiment", "cancelled_experiment"],
)
async def test_json_equals_the_protobuf_json_mapping(name: str, clients: dict[str, Client], world: World) -> None:
    """The same reads over all protocols give the same response to the last field, including absent ones."""
    request = {"id": await world.value(name)}
    for rpc in ("GetExperiment", "ListTrials", "GetResults"):
        outcomes = [
            await clients[protocol].call(rpcs()[f"ExperimentService.{rpc}"], request, bearer(world.developer.api_key))
            for protocol in ("grpc", "grpc-web", "grpc-web-text", "json")
        ]
        responses = [(outcome.code, without_links(outcome.messages)) for outcome in outcomes]
        assert responses == responses[:1] * 4


def without_links(value: Any) -> Any:
    """Returns a message without its links, which are signed anew at each read."""
    if isinstance(value, dict):
        return {name: without_links(each) for name, each in value.items() if name != "audio_url"}
    return [without_links(each) for each in value] if isinstance(value, list | tuple) else value


PLAN = '{"name":"n","scenario":"general","eval_mode":"automated","models":[],"prompts":["p"]'
BAD_BODIES = [
    pytest.param("{", "", "JSON", id="cut off"),
    pytest.param("not json", "", "JSON", id="not JSON"),
    pytest.param("[]", "", "object", id="a list"),
    pytest.param('"text"', "", "object", id="a string"),
    pytest.param(PLAN + "} x", "", "JSON", id="text after the JSON"),
    pytest.param(PLAN + "", "", "JSON", id="a missing closing brace"),
    pytest.param("{'name': 'n'}", "", "JSON", id="single quotes"),
    pytest.param(PLAN + ',"promts":["p"]}', "promts", "prompts", id="a misspelt field"),  # codespell:ignore promts
    pytest.param(
        '{"models":[{"provider":"espeak","voice":"x"}]}', "models[0].voice", "voice_id", id="a misspelt nested field"
    ),
    pytest.param('{"name":5}', "name", "string", id="a number for a string"),
    pytest.param('{"prompts":"Hello."}', "prompts", "list", id="a string for a list"),
    pytest.param('{"prompts":[1]}', "prompts[0]", "string", id="a number in a list of strings"),
    pytest.param('{"models":{"provider":"espeak"}}', "models", "list", id="an object for a list"),
    pytest.param('{"models":["espeak:en-us"]}', "models[0]", "object", id="a string for an object"),
    pytest.param('{"eval_mode":"by_ear"}', "eval_mode", "automated", id="an unknown enum value"),
    pytest.param('{"eval_mode":1}', "eval_mode", "automated", id="a number for an enum"),
    pytest.param('{"name":"a","name":"b"}', "name", "once", id="a field twice"),
    pytest.param("[" * 10_000, "", "object", id="very many brackets"),
    pytest.param('{"x":' * 10_000, "x", "unknown", id="very many nested objects"),
]


@pytest.mark.parametrize(("body", "field", "says"), BAD_BODIES)
async def test_a_malformed_body_is_refused_with_its_field(
    body: str, field: str, says: str, http: httpx.AsyncClient, world: World, leftovers: Leftovers
) -> None:
    before = await leftovers.rows()
    response = await http.post(EXPERIMENTS, content=body, headers=JSON | bearer(world.developer.api_key))
    outcome = json_failure(response)
    assert (response.status_code, outcome.reason, outcome.fields) == (400, "MALFORMED_REQUEST", (field,))
    assert field in outcome.message
    assert says in outcome.message
    assert await leftovers.rows() == before


@pytest.mark.parametrize(
    ("verb", "path", "body", "field"),
    [
        ("POST", "/clone", '{"nmae":"Another"}', "nmae"),  # codespell:ignore nmae
        ("POST", "/clone", '{"repeats":"many"}', "repeats"),
        ("POST", "/clone", '{"repeats":1,"repeats":2}', "repeats"),
        ("POST", "/retry", '{"failed_only":true}', "failed_only"),
        ("DELETE", "?force=true", "", "force"),
    ],
)
async def test_an_unknown_field_in_a_clone_retry_or_delete_is_refused(
    verb: str, path: str, body: str, field: str, http: httpx.AsyncClient, world: World, leftovers: Leftovers
) -> None:
    experiment = f"{EXPERIMENTS}/{await world.value('created_experiment')}"
    before = await leftovers.rows()
    headers = bearer(world.developer.api_key) | (JSON if body else {})
    response = await http.request(verb, experiment + path, content=body, headers=headers)
    outcome = json_failure(response)
    assert (response.status_code, outcome.reason) == (400, "MALFORMED_REQUEST")
    assert field in outcome.message
    assert await leftovers.rows() == before


async def test_a_missing_body_is_an_empty_request(http: httpx.AsyncClient, world: World) -> None:
    response = await http.post("/api/v1/api-keys", headers=bearer(world.developer.api_key))
    outcome = json_failure(response)
    assert (response.status_code, outcome.reason, outcome.fields) == (400, "INVALID_INPUT", ("name",))


async def test_a_body_that_is_not_utf_8_is_refused(http: httpx.AsyncClient, world: World) -> None:
    headers = JSON | bearer(world.developer.api_key)
    response = await http.post("/api/v1/api-keys", content=b'{"name":"\xff\xfe"}', headers=headers)
    outcome = json_failure(response)
    assert (response.status_code, outcome.reason) == (400, "MALFORMED_REQUEST")


async def test_a_query_that_is_not_utf_8_is_refused(http: httpx.AsyncClient, world: World) -> None:
    response = await http.get("/api/v1/voices?provider=%ff%fe", headers=bearer(world.developer.api_key))
    outcome = json_failure(response)
    assert (response.status_code, outcome.reason) == (400, "INVALID_INPUT")
    assert "UTF-8" in outcome.message


@pytest.mark.parametrize("rpc", ["ListVoices", "SynthesizeSpeech"])
async def test_a_malformed_grpc_message_is_invalid_input(rpc: str, http: httpx.AsyncClient, world: World) -> None:
    """The error is the caller's, whether or not the RPC streams."""
    path = rpcs()[f"TtsService.{rpc}"].path
    response = await grpc_web.call(http, path, b"\xff\xff\xff", bearer(world.developer.api_key))
    assert response.status is not None
    outcome = failed(response.status)
    assert (outcome.code, outcome.reason) == ("INVALID_ARGUMENT", "INVALID_INPUT")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("colour=red", "colour"),
        ("page_size=many", "page_size"),
        ("page_size=1.5", "page_size"),
        ("page_size=99999999999", "page_size"),
        ("status=done", "status"),
    ],
)
async def test_an_unknown_or_malformed_query_parameter_is_refused(
    query: str, name: str, http: httpx.AsyncClient, world: World
) -> None:
    response = await http.get(f"{EXPERIMENTS}?{query}", headers=bearer(world.developer.api_key))
    outcome = json_failure(response)
    assert (response.status_code, outcome.reason) == (400, "MALFORMED_REQUEST")
    assert name in outcome.message


@pytest.mark.parametrize(
    ("verb", "path", "allow"),
    [
        ("PUT", "/api/v1/experiments", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/api/v1/experiments", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/api/v1/health", "GET, HEAD, OPTIONS"),
    ],
)
async def test_an_unsupported_method_is_refused_with_the_supported_ones(
    verb: str, path: str, allow: str, http: httpx.AsyncClient
) -> None:
    response = await http.request(verb, path)
    outcome = json_failure(response)
    assert (response.status_code, outcome.reason, response.headers["allow"]) == (405, "METHOD_NOT_ALLOWED", allow)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/nothing"),
        ("GET", "/api/v1/nothing"),
        ("GET", "/api/v2/experiments"),
        ("GET", "/api/v1/experiments/a/b/c"),
    ],
)
async def test_an_unknown_route_is_not_found(verb: str, path: str, http: httpx.AsyncClient) -> None:
    response = await http.request(verb, path)
    outcome = json_failure(response)
    assert (response.status_code, outcome.reason) == (404, "ROUTE_NOT_FOUND")


@pytest.mark.parametrize(
    ("megabytes", "path", "says"),
    [
        (60, EXPERIMENTS, "kB"),
        (2, EXPERIMENTS, "1536 kB"),
        (60, "/api/v1/speech", "kB"),
        (1, "/api/v1/speech", "64 kB"),
    ],
)
async def test_a_body_that_is_too_large_is_refused(
    megabytes: int, path: str, says: str, http: httpx.AsyncClient, world: World, leftovers: Leftovers
) -> None:
    before = await leftovers.rows()
    body = b'{"name":"' + b"x" * (megabytes * MEGABYTE) + b'"}'
    response = await http.post(path, content=body, headers=JSON | bearer(world.developer.api_key))
    outcome = json_failure(response)
    assert (response.status_code, outcome.reason) == (413, "REQUEST_TOO_LARGE")
    assert says in outcome.message
    assert await leftovers.rows() == before


@pytest.mark.parametrize("protocol", ["grpc", "grpc-web"])
async def test_a_grpc_message_that_is_too_large_is_refused(
    protocol: str, clients: dict[str, Client], world: World
) -> None:
    request = experiment(prompts=["x" * (60 * MEGABYTE)])
    rpc = rpcs()["ExperimentService.CreateExperiment"]
    outcome = await clients[protocol].call(rpc, request, bearer(world.developer.api_key))
    assert (outcome.code, outcome.reason) == ("RESOURCE_EXHAUSTED", "REQUEST_TOO_LARGE")


async def test_null_fields_and_empty_bodies_are_accepted(http: httpx.AsyncClient, world: World) -> None:
    """Null means absent, as in proto JSON, and a run needs no body."""
    headers = bearer(world.developer.api_key)
    planned = await http.post(EXPERIMENTS, json=experiment(webhook_url=None), headers=headers)
    assert json_body(planned)["webhook_url"] == ""
    path = f"{EXPERIMENTS}/{json_body(planned)['id']}"
    assert json_body(await http.post(f"{path}/run", headers=headers))["status"] == "running"
    assert json_body(await http.post(f"{path}/cancel", headers=headers))["status"] == "cancelled"


async def test_preflight_requests_of_allowed_origins_succeed(http: httpx.AsyncClient) -> None:
    asked = {
        "origin": ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-grpc-web",
    }
    for path in (EXPERIMENTS, "/voicearena.experiments.v1.ExperimentService/CreateExperiment"):
        response = await http.options(path, headers=asked)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert "POST" in response.headers["access-control-allow-methods"]
        allowed = {name.strip() for name in response.headers["access-control-allow-headers"].split(",")}
        assert {"authorization", "content-type", "x-grpc-web"} <= allowed


@pytest.mark.parametrize("path", ["/api/v1/health", EXPERIMENTS, "/api/v1/nothing"])
async def test_allowed_origins_may_read_responses_and_errors(path: str, http: httpx.AsyncClient) -> None:
    response = await http.get(path, headers={"origin": ORIGIN})
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "grpc-status-details-bin" in response.headers["access-control-expose-headers"]


async def test_other_origins_may_not_read_responses(http: httpx.AsyncClient) -> None:
    response = await http.get("/api/v1/health", headers={"origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in response.headers
