"""Which content types JSON routes take, through the real Envoy."""

import httpx
import pytest

from tests.unit.gateway.test_json_calls import error_of

ROUTE = "/api/v1/experiments"
MESSAGE = "content-type: must be application/json, and its charset utf-8 if it has one"


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
async def test_json_by_each_of_its_names(kind: str, api: httpx.AsyncClient) -> None:
    answer = await api.post(ROUTE, content=b'{"name":"x"}', headers={"content-type": kind})
    assert answer.status_code == 200


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
async def test_what_a_page_of_another_site_can_send_unasked_is_not_taken_for_json(
    kind: str | None, api: httpx.AsyncClient
) -> None:
    headers = {"origin": "http://localhost:3000"} | ({} if kind is None else {"content-type": kind})
    for verb, path in (("POST", ROUTE), ("POST", f"{ROUTE}/exp_1/run"), ("PATCH", "/api/v1/models/m")):
        answer = await api.request(verb, path, content=b'{"name":"x"}', headers=headers)
        assert error_of(answer) == (415, "UNSUPPORTED_MEDIA_TYPE", MESSAGE)
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}, {"content-length": "0"}])
async def test_an_empty_body_needs_no_type(headers: dict[str, str], api: httpx.AsyncClient) -> None:
    assert (await api.post(f"{ROUTE}/exp_1/run", headers=headers)).status_code == 200
