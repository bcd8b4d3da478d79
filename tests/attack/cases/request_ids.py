"""Attacks with request ids."""

from __future__ import annotations

import secrets

from tests.attack.attack import CannotTry, attack
from tests.attack.target import Target
from tests.contract.clients import PROTOCOLS, bearer
from tests.contract.rpcs import rpcs


@attack("reuses a request id with another body", promise="409 REQUEST_ID_REUSED, never the first result")
async def reuse_a_request_id(target: Target) -> None:
    used = secrets.token_hex(16)
    made = await target.call("AuthService.CreateApiKey", {"name": "first", "scopes": ["speech"], "request_id": used})
    key_id = made.answer["api_key"]["id"]
    others = [
        ("AuthService.CreateApiKey", {"name": "second", "scopes": ["speech"], "request_id": used}),
        ("AuthService.RotateApiKey", {"id": key_id, "request_id": used}),
    ]
    for protocol in PROTOCOLS:
        for name, request in others:
            outcome = await target.call(name, request, protocol=protocol)
            assert outcome.reason == "REQUEST_ID_REUSED", f"{name} over {protocol} answered {outcome.code}"
    await target.call("AuthService.RevokeApiKey", {"id": key_id})


@attack("requests another developer's first key with their registration's id", promise="409 without a key")
async def repeat_a_registration(target: Target) -> None:
    request = {"name": "Ada", "email": f"{secrets.token_hex(8)}@example.com", "request_id": secrets.token_hex(16)}
    made = await target.call("AuthService.RegisterDeveloper", request, "nobody")
    if made.code == "RESOURCE_EXHAUSTED":
        raise CannotTry("this address has registered too often lately")
    others = [{"name": "Eve"}, {"email": f"{secrets.token_hex(8)}@example.com"}, {"request_id": secrets.token_hex(16)}]
    for protocol in PROTOCOLS:
        for other in others:
            register = rpcs()["AuthService.RegisterDeveloper"]
            outcome = await target.clients[protocol].call(register, request | other, bearer("kc_0"))
            assert outcome.code == "ALREADY_EXISTS", f"{other} over {protocol} answered {outcome.code}"
