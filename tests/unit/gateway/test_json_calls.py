"""Errors that the gateway itself returns to JSON clients, with the real Envoy."""

import json

import pytest
from voicearena.experiments.v1 import experiment_pb2, experiment_service_pb2

JSON = {"content-type": "application/json"}
MALFORMED = "MALFORMED_REQUEST"
KNOWN = ", ".join(field.name for field in experiment_service_pb2.CreateExperimentRequest.DESCRIPTOR.fields)
MODES = ", ".join(experiment_pb2.Experiment.EvalMode.keys()[1:])
CREATE = "/voicearena.experiments.v1.ExperimentService/CreateExperiment"


def error_of(response):
    """Checks the format of an error and returns its status, reason and message."""
    body = response.json()
    assert response.headers["content-type"] == "application/json"
    assert set(body) == {"code", "message", "details"}
    info = body["details"][0]
    assert (info["@type"], info["domain"]) == ("type.googleapis.com/google.rpc.ErrorInfo", "voicearena")
    return response.status_code, info["reason"], body["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"nme": "x"}', f"nme: unknown field; the known fields are {KNOWN}"),
        (
            '{"models": [{}, {"voice": "x"}]}',
            "models[1].voice: unknown field; the known fields are provider, voice_id, model_id, parameters",
        ),
        ('{"we\\"ird<\\u00e9": 1}', f"we?ird??: unknown field; the known fields are {KNOWN}"),
        ('{"name": 3}', "name: must be a string"),
        ('{"name": ["x"]}', "name: must be a string"),
        ('{"prompts": "x"}', "prompts: must be a list"),
        ('{"prompts": ["x", {}]}', "prompts[1]: must be a string"),
        ('{"models": {}}', "models: must be a list"),
        ('{"models": ["espeak"]}', "models[0]: must be an object"),
        ('{"eval_mode": "manual"}', f"eval_mode: must be one of {MODES}"),
        ('{"eval_mode": 1}', f"eval_mode: must be one of {MODES}"),
        ('{"name": "a", "name": "b"}', "name: must be given once"),
        ('{"eval_mode": "automated", "evalMode": "automated"}', "eval_mode: must be given once"),
        ("[]", "The body must be an object"),
        ('"x"', "The body must be an object"),
        ("{", "The body is not valid JSON: expected a string at byte 2"),
        ('{"name": "x', 'The body is not valid JSON: expected a closing " at byte 12'),
        ('{"name": "x"', "The body is not valid JSON: expected a comma or } at byte 13"),
        ('{"name" "x"}', "The body is not valid JSON: expected a colon at byte 9"),
        ('{"name": x}', "The body is not valid JSON: expected a value at byte 10"),
        ('{"prompts": ["x" "y"]}', "The body is not valid JSON: expected a comma or ] at byte 18"),
        ('{"name": "x"} {}', "The body is not valid JSON: expected the end at byte 15"),
        ('{"name": "a\nb"}', "The body is not valid JSON: expected a string without control characters at byte 10"),
        ("name=x", "The body is not valid JSON: expected a value at byte 1"),
    ],
)
async def test_the_error_for_a_bad_body_names_the_field_and_what_is_allowed(api, body, message):
    response = await api.post("/api/v1/experiments", content=body, headers=JSON)
    assert error_of(response) == (400, MALFORMED, message)


async def test_the_field_of_a_bad_body_is_a_field_violation(api):
    response = await api.post("/api/v1/experiments", json={"prompts": [1]})
    assert response.json()["details"][1] == {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "field_violations": [{"field": "prompts[0]", "description": "must be a string"}],
    }


@pytest.mark.parametrize("number", ['"active": 1', '"active": "true"'])
async def test_a_boolean_must_not_be_a_number_or_a_string(api, number):
    response = await api.patch("/api/v1/models/m", content=f"{{{number}}}", headers=JSON)
    assert error_of(response) == (400, MALFORMED, "active: must be true or false")


@pytest.mark.parametrize("number", ["fast", "", "1.5x", "0x10", "+1", "inf", [1.5], True])
async def test_a_nested_number_is_checked(api, number):
    response = await api.patch("/api/v1/models/m", json={"config": {"parameters": {"speed": number}}})
    assert error_of(response) == (400, MALFORMED, "config.parameters.speed: must be a number")


@pytest.mark.parametrize("number", [1.5, "1.5", "-2", "1e3", "NaN", "Infinity", "-Infinity"])
async def test_numbers_as_proto_json_writes_them_are_forwarded(api, number):
    response = await api.post("/api/v1/experiments", json={"models": [{"parameters": {"speed": number}}]})
    assert response.status_code == 200


async def test_a_good_body_is_forwarded_completely(api, services):
    sent = {
        "name": 'é \u65e5 \\ " \n',
        "scenario": "general",
        "evalMode": "automated",
        "models": [{"provider": "espeak"}, {"provider": "espeak", "voice_id": None}],
        "prompts": ["a", "b" * 100_000],
    }
    response = await api.post("/api/v1/experiments", content=json.dumps(sent), headers=JSON)
    assert response.status_code == 200
    request = experiment_service_pb2.CreateExperimentRequest.FromString(services[0].seen[CREATE])
    assert request.name == sent["name"]
    assert list(request.prompts) == sent["prompts"]
    assert [m.provider for m in request.models] == ["espeak", "espeak"]
    assert request.eval_mode == 1


async def test_a_missing_body_counts_as_an_empty_body(api):
    assert (await api.post("/api/v1/experiments/x/run")).status_code == 200
    assert (await api.post("/api/v1/experiments/x/run", json={})).status_code == 200


async def test_null_means_an_absent_field(api, services):
    assert (await api.post("/api/v1/experiments", json={"name": None, "prompts": None})).status_code == 200
    assert services[0].seen[CREATE] == b""


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("status=bogus", "status: must be one of created, running, completed, failed, cancelled"),
        ("scenario=general&status=run", "status: must be one of created, running, completed, failed, cancelled"),
        ("page_size=many", "page_size: must be a whole number"),
        ("status=created&page_size=", "page_size: must be a whole number"),
        (
            "bogus=1",
            'Could not find field "bogus" in the type "voicearena.experiments.v1.ListExperimentsRequest".',
        ),
    ],
)
async def test_the_error_for_a_bad_query_names_the_parameter(api, query, message):
    assert error_of(await api.get(f"/api/v1/experiments?{query}")) == (400, MALFORMED, message)


@pytest.mark.parametrize(
    ("path", "field", "description"),
    [
        ("experiments?status=x", "status", "must be one of created, running, completed, failed, cancelled"),
        ("experiments?page_size=1.5", "page_size", "must be a whole number"),
        ("models?active_only=maybe", "active_only", "must be true or false"),
    ],
)
async def test_the_parameter_of_a_bad_query_is_a_field_violation(api, path, field, description):
    assert (await api.get(f"/api/v1/{path}")).json()["details"][1] == {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "field_violations": [{"field": field, "description": description}],
    }


async def test_a_json_client_cannot_set_the_deadline(api, services):
    for verb, path in (("GET", "experiments/x"), ("POST", "experiments/x/run"), ("GET", "experiments/x/stream")):
        assert (await api.request(verb, f"/api/v1/{path}", headers={"grpc-timeout": "1n"})).status_code == 200
        assert "grpc-timeout" not in services[0].metadata


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/nothing"),
        ("GET", "/"),
        ("PUT", "/api/v1/nothing"),
        ("DELETE", "/api/v1/experiments/x/nothing"),
        ("POST", "/voicearena.auth.v1.AuthService/ListSigningKeys"),
    ],
)
async def test_the_error_for_an_unknown_route_names_it(api, method, path):
    response = await api.request(method, path)
    assert error_of(response) == (404, "ROUTE_NOT_FOUND", f"There is no route {method} {path}")


async def test_the_error_names_a_service_that_is_down(api):
    response = await api.get("/api/v1/models")
    assert error_of(response) == (503, "UNAVAILABLE", "elo is not reachable. Try again shortly.")
    assert response.json()["details"][0]["metadata"] == {"service": "elo"}


@pytest.mark.parametrize(
    ("path", "kb", "which"),
    [
        ("experiments", 1536, "this route"),
        ("experiments/x/run", 64, "this route"),
        ("metrics/audit", 4096, "any route but uploads"),
    ],
)
async def test_a_body_larger_than_the_limit_of_its_route_is_refused(api, path, kb, which):
    response = await api.post(f"/api/v1/{path}", json={"name": "x" * kb * 1024})
    message = f"The body is too large: at most {kb} kB are accepted on {which}"
    assert error_of(response) == (413, "REQUEST_TOO_LARGE", message)


async def test_a_body_of_60_mb_is_refused_after_it_is_sent(api):
    response = await api.post("/api/v1/developers", content=b" " * 60_000_000)
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("path", "headers", "message"),
    [
        ("/api/v1/experiments/a%2Fb", {}, "The path must not contain escaped slashes or zero bytes"),
        ("/api/v1/experiments/%00", {}, "The path must not contain escaped slashes or zero bytes"),
        ("/api/v1/experiments", {"x_y": "1"}, "Header names must not contain underscores"),
    ],
)
async def test_ambiguous_requests_are_refused(api, path, headers, message):
    assert error_of(await api.get(path, headers=headers)) == (400, MALFORMED, message)


async def test_web_pages_of_allowed_origins_can_read_errors(api):
    allowed = {"origin": "http://localhost:3000"}
    for response in (
        await api.get("/api/v1/nothing", headers=allowed),
        await api.get("/api/v1/models", headers=allowed),
        await api.post("/api/v1/experiments", content="{", headers=JSON | allowed),
    ):
        assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    other = await api.get("/api/v1/models", headers={"origin": "http://elsewhere"})
    assert "access-control-allow-origin" not in other.headers


async def test_a_cors_preflight_is_answered(api):
    headers = {"origin": "http://localhost:3000", "access-control-request-method": "PATCH"}
    response = await api.options("/api/v1/models/m", headers=headers)
    assert response.status_code == 200
    assert "PATCH" in response.headers["access-control-allow-methods"]
    assert "authorization" in response.headers["access-control-allow-headers"]
