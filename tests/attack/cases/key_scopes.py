"""Attacks with a key that may little."""

from __future__ import annotations

from tests.attack.attack import attack
from tests.attack.target import Target
from tests.contract.clients import PROTOCOLS, bearer
from tests.contract.rpcs import rpcs


@attack("makes, rotates or revokes a mightier key with a key of the scope `keys`", promise="403 SCOPE_MISSING")
async def reach_for_a_mightier_key(target: Target) -> None:
    weak = await target.call("AuthService.CreateApiKey", {"name": "weak", "scopes": ["keys"]})
    mighty = await target.call("AuthService.CreateApiKey", {"name": "mighty"})
    headers, id_ = bearer(weak.answer["key"]), mighty.answer["api_key"]["id"]
    tries = [
        ("AuthService.CreateApiKey", {"name": "mightier", "scopes": ["keys", "speech"]}),
        ("AuthService.RotateApiKey", {"id": id_}),
        ("AuthService.RevokeApiKey", {"id": id_}),
    ]
    for protocol in PROTOCOLS:
        for name, request in tries:
            outcome = await target.clients[protocol].call(rpcs()[name], request, headers)
            assert outcome.reason == "SCOPE_MISSING", f"{name} over {protocol} answered {outcome.code} {outcome.reason}"
    await target.call("AuthService.RevokeApiKey", {"id": id_})
    itself = await target.clients["json"].call(
        rpcs()["AuthService.RevokeApiKey"], {"id": weak.answer["api_key"]["id"]}, headers
    )
    assert itself.code == "OK", f"a key could not revoke itself: {itself.message}"
