"""A verifier of identities for tests without auth."""

from __future__ import annotations

from services.runtime.errors import Unauthenticated
from services.runtime.identity import Caller, Identity, TokenVerifier


class KeyIsToken(TokenVerifier):
    """Takes the id of an API key for its token. All keys are of one developer and have the same scopes."""

    def __init__(self, *scopes: str) -> None:
        self._scopes = frozenset(scopes)

    def known(self, token: str) -> Caller | None:
        return None

    async def verify(self, token: str) -> Caller:
        if not token.startswith("key_"):
            raise Unauthenticated("the identity token is not valid")
        return Caller(Identity("dev_a", self._scopes, token), token)
