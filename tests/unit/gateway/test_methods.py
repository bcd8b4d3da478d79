"""Methods that a path does not take, and HEAD and OPTIONS, through the real Envoy."""

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
async def test_a_method_that_a_path_does_not_take(verb: str, path: str, allow: str, api: httpx.AsyncClient) -> None:
    answer = await api.request(verb, path, headers={"origin": ORIGIN})
    message = f"{verb} {path.split('?')[0]} is not possible; this path takes {allow}"
    assert error_of(answer) == (405, "METHOD_NOT_ALLOWED", message)
    assert (answer.headers["allow"], answer.headers["access-control-allow-origin"]) == (allow, ORIGIN)


async def test_options_say_what_a_path_takes(api: httpx.AsyncClient) -> None:
    answer = await api.options(EXPERIMENTS)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "GET, HEAD, OPTIONS, POST", b"")
    assert (await api.options("/api/v1/nothing")).status_code == 404


async def test_head_is_get_without_the_body(api: httpx.AsyncClient) -> None:
    got = await api.get(f"{EXPERIMENTS}/exp_1")

    def on_one_connection() -> None:
        # Whatever follows the headers of an answer to HEAD is taken for the next answer.
        connection = http.client.HTTPConnection(api.base_url.host, api.base_url.port or 80, timeout=10)
        for _ in range(3):
            connection.request("HEAD", f"{EXPERIMENTS}/exp_1", headers=ANYBODY)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
            assert answer.headers["content-length"] == got.headers["content-length"]
        connection.request("GET", f"{EXPERIMENTS}/exp_1", headers=ANYBODY)
        assert connection.getresponse().read() == got.content
        connection.close()

    await asyncio.to_thread(on_one_connection)


@pytest.mark.parametrize("path", [f"{EXPERIMENTS}/exp_1/stream", f"{EXPERIMENTS}/exp_1/export", "/api/v1/speech"])
async def test_head_of_what_has_no_end_or_is_made_only_to_be_sent(path: str, api: httpx.AsyncClient) -> None:
    answer = await api.head(path)
    assert answer.status_code == 405
    assert "HEAD" not in answer.headers["allow"]


async def test_head_answers_errors_without_their_body(api: httpx.AsyncClient) -> None:
    answers = [await api.head(path) for path in ("/api/v1/models", f"{EXPERIMENTS}?page_size=x", "/api/v1/nothing")]
    assert [(answer.status_code, answer.content) for answer in answers] == [(503, b""), (400, b""), (404, b"")]
