"""Attacks with headers that gRPC servers refuse: what one caller sends must cost no other caller anything."""

import secrets

import httpx

from tests.attack.attack import attack
from tests.attack.target import Target
from tests.contract import grpc_web
from tests.contract.clients import bearer, http_client

REGISTER = "/voicearena.auth.v1.AuthService/RegisterDeveloper"
ME = "/api/v1/developers/me"
# Enough calls with headers of their own to turn a table of headers over.
ORDINARY_CALLS = 40
# Each is refused, or taken away, at the gateway.
BAD_HEADERS = {
    "grpc-timeout": "abc",
    "grpc-encoding": "nonsense",
    "grpc-trace-bin": "!!!",
    "x-anything-bin": "Y",
    "grpc-status": "abc",
    "grpc-previous-rpc-attempts": "abc",
}


@attack("sends malformed gRPC headers without a key", promise="nobody else's calls fail")
async def spoil_the_shared_connection(target: Target) -> None:
    async with http_client(target.api_url) as attacker:
        for header, value in BAD_HEADERS.items():
            web = await grpc_web.call(attacker, REGISTER, b"", {header: value})
            assert web.status is not None, f"{header}: {value} was answered as if it were sound"
            assert web.status.code in (3, 8, 12), f"{header}: {value} was answered with {web.status}"
            answer = await attacker.post("/api/v1/developers", json={}, headers={header: value})
            assert answer.status_code in (400, 415, 429), f"{header}: {value} was answered with {answer.status_code}"
    await _others_are_served(target)


async def _others_are_served(target: Target) -> None:
    key = await target.headers()
    for _ in range(ORDINARY_CALLS):
        headers = {**key, "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01", "baggage": _filler()}
        answer = await target.http.get(ME, headers=headers)
        assert answer.status_code in (200, 429), f"somebody else's call was answered with {answer.status_code}"
    unknown = await target.http.get(ME, headers=bearer(f"kc_{secrets.token_hex(16)}"))
    assert unknown.status_code in (401, 429), f"an unknown key was answered with {unknown.status_code}"


def _filler() -> str:
    return f"k={secrets.token_hex(200)}"


@attack("sends 30 KB of headers", promise="served, or refused as too large; nobody else notices")
async def send_large_headers(target: Target) -> None:
    async with http_client(target.api_url) as attacker:
        for name in ("traceparent", "baggage", "user-agent", "cookie", "x-large"):
            answer = await attacker.get("/api/v1/health", headers={name: "x" * 30_000})
            assert answer.status_code in (200, 429, 431), f"{name} was answered with {answer.status_code}"
            assert "x-voicearena" not in answer.text, "the answer names inner headers"
    assert await target.is_healthy()


@attack("names a media type or encoding that a route does not take", promise="415 with the reason")
async def send_other_types(target: Target) -> None:
    for headers in ({"content-encoding": "gzip"}, {"content-encoding": "br"}, {"content-type": "application/grpc"}):
        body = {"content-type": "application/json", **headers}
        answer: httpx.Response = await target.http.post("/api/v1/developers", content=b"\x1f\x8b", headers=body)
        refused = answer.headers.get("grpc-message", answer.text)
        assert "must" in refused, f"{headers} was answered with {answer.status_code}: {refused[:200]}"
