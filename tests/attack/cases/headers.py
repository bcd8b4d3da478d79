"""Attacks with headers that gRPC servers refuse. A caller's headers must not affect other callers."""

import secrets

import httpx

from tests.attack.attack import attack
from tests.attack.target import Target
from tests.contract import grpc_web
from tests.contract.clients import bearer, http_client

REGISTER = "/voicearena.auth.v1.AuthService/RegisterDeveloper"
ME = "/api/v1/developers/me"
# Enough calls with different headers to replace all entries of a header table.
ORDINARY_CALLS = 40
# The gateway refuses or removes each of these.
BAD_HEADERS = {
    "grpc-timeout": "abc",
    "grpc-encoding": "nonsense",
    "grpc-trace-bin": "!!!",
    "x-anything-bin": "Y",
    "grpc-status": "abc",
    "grpc-previous-rpc-attempts": "abc",
}


@attack("sends malformed gRPC headers without a key", promise="calls of others succeed")
async def spoil_the_shared_connection(target: Target) -> None:
    async with http_client(target.api_url) as attacker:
        for header, value in BAD_HEADERS.items():
            web = await grpc_web.call(attacker, REGISTER, b"", {header: value})
            assert web.status is not None, f"{header}: {value} was accepted"
            assert web.status.code in (3, 8, 12), f"{header}: {value} was answered with {web.status}"
            response = await attacker.post("/api/v1/developers", json={}, headers={header: value})
            assert response.status_code in (400, 415, 429), (
                f"{header}: {value} was answered with {response.status_code}"
            )
    await _others_are_served(target)


async def _others_are_served(target: Target) -> None:
    key = await target.headers()
    for _ in range(ORDINARY_CALLS):
        headers = {**key, "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01", "baggage": _filler()}
        response = await target.http.get(ME, headers=headers)
        assert response.status_code in (200, 429), f"another developer's call was answered with {response.status_code}"
    unknown = await target.http.get(ME, headers=bearer(f"kc_{secrets.token_hex(16)}"))
    assert unknown.status_code in (401, 429), f"an unknown key was answered with {unknown.status_code}"


def _filler() -> str:
    return f"k={secrets.token_hex(200)}"


@attack("sends 30 KB of headers", promise="accepted, or refused as too large; others are not affected")
async def send_large_headers(target: Target) -> None:
    async with http_client(target.api_url) as attacker:
        for name in ("traceparent", "baggage", "user-agent", "cookie", "x-large"):
            response = await attacker.get("/api/v1/health", headers={name: "x" * 30_000})
            assert response.status_code in (200, 429, 431), f"{name} was answered with {response.status_code}"
            assert "x-voicearena" not in response.text, "the response contains internal headers"
    assert await target.is_healthy()


@attack("sends a content type or encoding that the route does not take", promise="415 with the reason")
async def send_other_types(target: Target) -> None:
    for headers in ({"content-encoding": "gzip"}, {"content-encoding": "br"}, {"content-type": "application/grpc"}):
        body = {"content-type": "application/json", **headers}
        response: httpx.Response = await target.http.post("/api/v1/developers", content=b"\x1f\x8b", headers=body)
        refused = response.headers.get("grpc-message", response.text)
        assert "must" in refused, f"{headers} was answered with {response.status_code}: {refused[:200]}"
