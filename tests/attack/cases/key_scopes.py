"""Attacks with a key that has few scopes."""

from __future__ import annotations

from tests.attack.attack import attack
from tests.attack.target import Target
from tests.contract.clients import PROTOCOLS, bearer
from tests.contract.rpcs import rpcs


@attack("manages keys with more scopes by a key with only the scope `keys`", promise="403 SCOPE_MISSING")
async def manage_a_key_with_more_scopes(target: Target) -> None:
    weak = await target.call("AuthService.CreateApiKey", {"name": "weak", "scopes": ["keys"]})
    strong = await target.call("AuthService.CreateApiKey", {"name": "strong"})
    headers, id_ = bearer(weak.answer["key"]), strong.answer["api_key"]["id"]
    calls = [
        ("AuthService.CreateApiKey", {"name": "stronger", "scopes": ["keys", "speech"]}),
        ("AuthService.RotateApiKey", {"id": id_}),
        ("AuthService.RevokeApiKey", {"id": id_}),
    ]
    for protocol in PROTOCOLS:
        for name, request in calls:
            outcome = await target.clients[protocol].call(rpcs()[name], request, headers)
            assert outcome.reason == "SCOPE_MISSING", f"{name} over {protocol} answered {outcome.code} {outcome.reason}"
    await target.call("AuthService.RevokeApiKey", {"id": id_})
    itself = await target.clients["json"].call(
        rpcs()["AuthService.RevokeApiKey"], {"id": weak.answer["api_key"]["id"]}, headers
    )
    assert itself.code == "OK", f"a key could not revoke itself: {itself.message}"
