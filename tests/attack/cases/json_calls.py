"""Attacks with ambiguous JSON calls, and with calls that a page of another site can make."""

from typing import Any

from tests.attack.attack import attack
from tests.attack.target import Target
from tests.contract.clients import http_client

EXPERIMENTS = "/api/v1/experiments"


async def _experiment(target: Target, name: str) -> str:
    plan: dict[str, Any] = {
        "name": name,
        "scenario": "general",
        "eval_mode": "automated",
        "models": [{"provider": "espeak", "voice_id": voice} for voice in ("en-us", "en-gb")],
        "prompts": ["Hello"],
    }
    made = await target.call("ExperimentService.CreateExperiment", plan)
    return str(made.answer["id"])


@attack("names one experiment in the path and another in the query", promise="400; both stay unchanged")
async def act_on_another(target: Target) -> None:
    a, b = await _experiment(target, "A"), await _experiment(target, "B")
    key = await target.headers()
    for verb, action in (("DELETE", ""), ("GET", ""), ("POST", "/run"), ("POST", "/cancel"), ("GET", "/results")):
        for name in ("id", "%69d", "i%64", "id.x"):
            response = await target.http.request(verb, f"{EXPERIMENTS}/{a}{action}?{name}={b}", headers=key)
            assert response.status_code == 400, f"{verb} {action}?{name}= was answered with {response.status_code}"
    for verb, content in (("DELETE", {"id": b}), ("GET", {"id": b})):
        response = await target.http.request(verb, f"{EXPERIMENTS}/{a}", headers=key, json=content)
        assert response.status_code == 400, f"{verb} with a body was answered with {response.status_code}"
    for each in (a, b):
        read = await target.http.get(f"{EXPERIMENTS}/{each}", headers=key)
        assert (read.status_code, read.json()["status"]) == (200, "created"), f"{each} was changed: {read.text}"


@attack("registers with a form or plain text, as a page of another site can", promise="415")
async def register_from_another_site(target: Target) -> None:
    body = b'{"name":"Mallory","email":"mallory@example.com"}'
    kinds = (None, "text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data")
    async with http_client(target.api_url) as page:
        for kind in kinds:
            headers = {"origin": "http://evil.example"} | ({"content-type": kind} if kind else {})
            response = await page.post("/api/v1/developers", content=body, headers=headers)
            assert response.status_code == 415, (
                f"{kind} was answered with {response.status_code}: {response.text[:200]}"
            )


@attack("uses methods that a path does not allow", promise="405 with Allow; HEAD has no body")
async def use_other_methods(target: Target) -> None:
    for verb in ("PUT", "DELETE", "PATCH", "TRACE"):
        response = await target.http.request(verb, "/api/v1/developers")
        assert (response.status_code, response.headers.get("allow")) == (405, "OPTIONS, POST"), (
            f"{verb}: {response.text}"
        )
    async with target.connect() as (reader, writer):
        request = "{} /api/v1/health HTTP/1.1\r\nhost: x\r\n{}\r\n"
        writer.write((request.format("HEAD", "") + request.format("GET", "connection: close\r\n")).encode())
        head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), f"HEAD was answered with {head[:100]!r}"
        assert rest.startswith(b"HTTP/1.1 200"), f"the response to HEAD was followed by {rest[:100]!r}"
