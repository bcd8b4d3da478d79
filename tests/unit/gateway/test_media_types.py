"""The content types that JSON routes accept, with the real Envoy."""

import httpx
import pytest

from tests.unit.gateway.test_json_calls import error_of

ROUTE = "/api/v1/experiments"
MESSAGE = "content-type: must be application/json; a charset must be utf-8"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json; charset="UTF-8"',
        "application/json ; x=y; charset=us-ascii",
        "application/vnd.api+json",
    ],
)
async def test_each_name_of_json_is_accepted(kind: str, api: httpx.AsyncClient) -> None:
    response = await api.post(ROUTE, content=b'{"name":"x"}', headers={"content-type": kind})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "text/plain;application/json",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "application/jsonx",
        "application/json, text/plain",
        "application/json text/plain",
        "application/json; charset=utf-16",
        "application/json; charset=latin1",
        "application/octet-stream",
        "*/*",
    ],
)
async def test_content_types_that_need_no_cors_preflight_are_refused(kind: str | None, api: httpx.AsyncClient) -> None:
    headers = {"origin": "http://localhost:3000"} | ({} if kind is None else {"content-type": kind})
    for verb, path in (("POST", ROUTE), ("POST", f"{ROUTE}/exp_1/run"), ("PATCH", "/api/v1/models/m")):
        response = await api.request(verb, path, content=b'{"name":"x"}', headers=headers)
        assert error_of(response) == (415, "UNSUPPORTED_MEDIA_TYPE", MESSAGE)
        assert response.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}, {"content-length": "0"}])
async def test_an_empty_body_needs_no_content_type(headers: dict[str, str], api: httpx.AsyncClient) -> None:
    assert (await api.post(f"{ROUTE}/exp_1/run", headers=headers)).status_code == 200
