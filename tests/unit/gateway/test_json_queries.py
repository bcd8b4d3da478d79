"""The checks of the query of a JSON call, with the real Envoy."""

import httpx
import pytest

from tests.unit.gateway.conftest import EveryService
from tests.unit.gateway.test_json_calls import MALFORMED, error_of

EXPERIMENTS = "/api/v1/experiments"
BOUND = "must not be in the query, because the path has it"
TWICE = "must be given once"
IN_BODY = "must be in the body; this route has no query parameters"
UNKNOWN = "unknown parameter; the fields of this route are in the body"


@pytest.mark.parametrize(
    ("verb", "path", "field", "description"),
    [
        ("DELETE", "/exp_1?id=exp_2", "id", BOUND),
        ("GET", "/exp_1?id=exp_2", "id", BOUND),
        ("GET", "/exp_1?id=exp_1", "id", BOUND),
        ("GET", "/exp_1?id", "id", BOUND),
        ("GET", "/exp_1?x&id=exp_2", "id", BOUND),
        ("GET", "/exp_1?%69d=exp_2", "id", BOUND),
        ("GET", "/exp_1?i%64=exp_2", "id", BOUND),
        ("GET", "/exp_1?id.x=exp_2", "id.x", BOUND),
        ("GET", "/exp_1/?id=exp_2", "id", BOUND),
        ("HEAD", "/exp_1?id=exp_2", "", ""),
        ("GET", "/exp_1/results?recompute=true&id=exp_2", "id", BOUND),
        ("GET", "/exp_1/stream?id=exp_2", "id", BOUND),
        ("GET", "/exp_1/listening-links?experiment_id=exp_2", "experiment_id", BOUND),
        ("GET", "/exp_1/listening-links?experimentId=exp_2", "experiment_id", BOUND),
        ("DELETE", "/exp_1/listening-links/lnk_1?linkId=lnk_2", "link_id", BOUND),
        ("POST", "/exp_1/run?id=exp_2", "id", BOUND),
        ("POST", "/exp_1/clone?name=x", "name", IN_BODY),
        ("POST", "?name=x", "name", IN_BODY),
        ("POST", "?models.provider=x", "models.provider", IN_BODY),
        ("POST", "/exp_1/run?bogus=x", "bogus", UNKNOWN),
        ("POST", "/exp_1/run?%22%3c=x", "??", UNKNOWN),
        ("GET", "?status=created&status=failed", "status", TWICE),
        ("GET", "?page_size=1&pageSize=2", "page_size", TWICE),
        ("GET", "?page_size=1&page%5Fsize=2", "page_size", TWICE),
    ],
)
async def test_a_query_with_a_repeated_or_misplaced_field_is_refused(
    verb: str, path: str, field: str, description: str, services: tuple[EveryService, int], api: httpx.AsyncClient
) -> None:
    services[0].seen.clear()
    response = await api.request(verb, EXPERIMENTS + path)
    assert [method for method in services[0].seen if "Authorization" not in method] == []
    if verb == "HEAD":
        assert response.status_code == 400
        return
    assert error_of(response) == (400, MALFORMED, f"{field}: {description}")
    violations = response.json()["details"][1]["field_violations"]
    assert violations == [{"field": field, "description": description}]


@pytest.mark.parametrize("query", ["", "?", "?&&", "?page_size=3", "?pageSize=3&status=created", "?%73tatus=created"])
async def test_a_query_with_each_field_once_is_accepted(query: str, api: httpx.AsyncClient) -> None:
    assert (await api.get(f"{EXPERIMENTS}{query}")).status_code == 200


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
async def test_a_body_on_a_route_without_one_is_refused(
    verb: str, services: tuple[EveryService, int], api: httpx.AsyncClient
) -> None:
    services[0].seen.clear()
    response = await api.request(verb, f"{EXPERIMENTS}/exp_1", json={"id": "exp_2"})
    assert (response.status_code, services[0].seen) == (400, {})


async def test_a_body_must_not_have_a_field_of_the_path(api: httpx.AsyncClient) -> None:
    assert (await api.post(f"{EXPERIMENTS}/exp_1/run", json={"id": "exp_2"})).status_code == 400
