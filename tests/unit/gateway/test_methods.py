"""Methods that a path does not allow, and HEAD and OPTIONS, with the real Envoy."""

import asyncio
import http.client

import httpx
import pytest

from tests.unit.gateway.conftest import ANYBODY
from tests.unit.gateway.test_json_calls import error_of

EXPERIMENTS = "/api/v1/experiments"
ORIGIN = "http://localhost:3000"


@pytest.mark.parametrize(
    ("verb", "path", "allow"),
    [
        ("PUT", "/api/v1/health", "GET, HEAD, OPTIONS"),
        ("DELETE", EXPERIMENTS, "GET, HEAD, OPTIONS, POST"),
        ("PUT", EXPERIMENTS, "GET, HEAD, OPTIONS, POST"),
        ("POST", f"{EXPERIMENTS}/exp_1?x=1", "DELETE, GET, HEAD, OPTIONS"),
        ("TRACE", f"{EXPERIMENTS}/exp_1/", "DELETE, GET, HEAD, OPTIONS"),
        ("GET", f"{EXPERIMENTS}/exp_1/run", "OPTIONS, POST"),
        ("GET", "/api/v1/speech", "OPTIONS, POST"),
        ("PROPFIND", "/api/v1/models", "GET, HEAD, OPTIONS, POST"),
    ],
)
async def test_the_error_for_another_method_has_the_allowed_methods(
    verb: str, path: str, allow: str, api: httpx.AsyncClient
) -> None:
    response = await api.request(verb, path, headers={"origin": ORIGIN})
    message = f"{verb} {path.split('?')[0]} is not possible. This path allows {allow}."
    assert error_of(response) == (405, "METHOD_NOT_ALLOWED", message)
    assert (response.headers["allow"], response.headers["access-control-allow-origin"]) == (allow, ORIGIN)


async def test_options_returns_the_allowed_methods(api: httpx.AsyncClient) -> None:
    response = await api.options(EXPERIMENTS)
    assert (response.status_code, response.headers["allow"], response.content) == (204, "GET, HEAD, OPTIONS, POST", b"")
    assert (await api.options("/api/v1/nothing")).status_code == 404


async def test_head_is_answered_like_get_without_the_body(api: httpx.AsyncClient) -> None:
    got = await api.get(f"{EXPERIMENTS}/exp_1")

    def on_one_connection() -> None:
        # If a body followed the headers, the client would read it as the next response.
        connection = http.client.HTTPConnection(api.base_url.host, api.base_url.port or 80, timeout=10)
        for _ in range(3):
            connection.request("HEAD", f"{EXPERIMENTS}/exp_1", headers=ANYBODY)
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"")
            assert response.headers["content-length"] == got.headers["content-length"]
        connection.request("GET", f"{EXPERIMENTS}/exp_1", headers=ANYBODY)
        assert connection.getresponse().read() == got.content
        connection.close()

    await asyncio.to_thread(on_one_connection)


@pytest.mark.parametrize("path", [f"{EXPERIMENTS}/exp_1/stream", f"{EXPERIMENTS}/exp_1/export", "/api/v1/speech"])
async def test_head_is_not_possible_for_streams_and_generated_bytes(path: str, api: httpx.AsyncClient) -> None:
    response = await api.head(path)
    assert response.status_code == 405
    assert "HEAD" not in response.headers["allow"]


async def test_errors_for_head_have_no_body(api: httpx.AsyncClient) -> None:
    responses = [await api.head(path) for path in ("/api/v1/models", f"{EXPERIMENTS}?page_size=x", "/api/v1/nothing")]
    assert [(response.status_code, response.content) for response in responses] == [(503, b""), (400, b""), (404, b"")]
