"""Headers that the gateway refuses or removes, for each kind of client, with the real Envoy."""

import grpc
import httpx
import pytest

from tests.contract import grpc_web
from tests.unit.gateway.conftest import EveryService
from tests.unit.gateway.test_json_calls import error_of

PATH = "/voicearena.auth.v1.AuthService/GetCurrentDeveloper"
JSON = "/api/v1/developers/me"
TIMEOUT = "grpc-timeout: must be a whole number of at most 8 digits and a unit: H, M, S, m, u or n"
ENCODING = "grpc-encoding: must be one of identity, gzip, deflate"
COMPRESSED = "content-encoding: bodies must not be compressed or otherwise encoded"
UNSUPPORTED = "UNSUPPORTED_MEDIA_TYPE"
BAD_TIMEOUTS = ["abc", "", "1", "S", "-1S", "1 S", "1.5S", "1S, 2S", "123456789S", "99999999999S", "1s", "0x1S"]
BAD_HEADERS = [
    *(pytest.param("grpc-timeout", value, 400, 3, TIMEOUT, id=f"a timeout of {value!r}") for value in BAD_TIMEOUTS),
    pytest.param("grpc-encoding", "zstd", 415, 12, ENCODING, id="an unknown gRPC encoding"),
    pytest.param("grpc-encoding", "GZIP", 415, 12, ENCODING, id="an encoding in upper case"),
    pytest.param("content-encoding", "gzip", 415, 3, COMPRESSED, id="a compressed body"),
    pytest.param("content-encoding", "identity, br", 415, 3, COMPRESSED, id="two encodings"),
]
# Headers that would make a call fail in grpc-core.
REMOVED = {
    "grpc-trace-bin": "!!!",
    "x-anything-bin": "Y",
    "grpc-status": "abc",
    "grpc-previous-rpc-attempts": "abc",
    "grpc-retry-pushback-ms": "abc",
    "grpc-internal-encoding-request": "abc",
}


@pytest.mark.parametrize(("header", "value", "status", "code", "message"), BAD_HEADERS)
async def test_the_error_for_a_bad_header_names_it(
    header: str, value: str, status: int, code: int, message: str, api: httpx.AsyncClient
) -> None:
    reason = "MALFORMED_REQUEST" if status == 400 else UNSUPPORTED
    response = await api.get(JSON, headers={header: value})
    assert error_of(response) == (status, reason, message)
    web = await grpc_web.call(api, PATH, b"", {header: value})
    assert web.status is not None
    assert (web.status.code, web.status.message) == (code, message)
    if header == "content-encoding":  # grpcio sets the others itself.
        async with grpc.aio.insecure_channel(f"{api.base_url.host}:{api.base_url.port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await channel.unary_unary(PATH)(b"", metadata=[(header, value)])
        assert (error.value.code().value[0], error.value.details()) == (code, message)


@pytest.mark.parametrize("value", ["5S", "99999999H", "00000030S", "30000m"])
async def test_a_good_timeout_is_accepted(
    value: str, services: tuple[EveryService, int], api: httpx.AsyncClient
) -> None:
    assert (await grpc_web.call(api, PATH, b"", {"grpc-timeout": value})).status is None


@pytest.mark.parametrize(("header", "value"), REMOVED.items())
async def test_headers_that_grpc_reserves_are_removed(
    header: str, value: str, services: tuple[EveryService, int], api: httpx.AsyncClient
) -> None:
    assert (await grpc_web.call(api, PATH, b"", {header: value})).status is None
    assert header not in services[0].metadata
    assert (await api.get(JSON, headers={header: value})).status_code == 200
    assert header not in services[0].metadata


@pytest.mark.parametrize(
    "kind", ["application/grpc-web+json", "application/grpc+json", "application/json", "text/plain", "Application/GRPC"]
)
async def test_the_path_of_an_rpc_accepts_only_grpc(kind: str, api: httpx.AsyncClient) -> None:
    response = await api.post(PATH, content=b"\0\0\0\0\0", headers={"content-type": kind})
    assert "application/grpc or application/grpc-web" in response.headers.get("grpc-message", response.text)


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc-web+proto", "application/grpc+json"])
async def test_a_json_route_refuses_grpc(kind: str, api: httpx.AsyncClient) -> None:
    response = await api.post(JSON, content=b"\0\0\0\0\0", headers={"content-type": kind})
    assert "content-type: must be application/json" in response.headers.get("grpc-message", response.text)


async def test_the_body_of_a_refused_call_is_read_to_its_end(api: httpx.AsyncClient) -> None:
    response = await api.post("/api/v1/experiments", content=b"x" * 3_000_000, headers={"content-encoding": "gzip"})
    assert error_of(response) == (415, UNSUPPORTED, COMPRESSED)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (400, {"grpc-timeout": "abc"}, b""),
        (415, {"content-encoding": "gzip"}, b"x" * 100),
        (413, {}, b"x" * 5_000_000),
    ],
)
async def test_web_pages_of_allowed_origins_can_read_refusals(
    status: int, headers: dict[str, str], body: bytes, api: httpx.AsyncClient
) -> None:
    origin = "http://localhost:3000"
    response = await api.post("/api/v1/experiments", content=body, headers={"origin": origin, **headers})
    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == origin
