"""Creates identity tokens. Each process signs with its own key, whose private half never leaves its memory."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.auth.domain import ApiKey
from services.auth.store import Store
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.identity import ALGORITHM, AUDIENCE, ISSUER, VOTER_AUDIENCE

TOKEN_SECONDS = 300
# How long the same token is used for further calls, so that services can cache that they have verified it.
TOKEN_REUSE_SECONDS = 60.0
# The public key is valid much longer than the last token, and is prolonged long before it ends.
KEY_VALID_HOURS = 24
PROLONG_INTERVAL_SECONDS = 3600.0
# The clock is checked this often: when a sleeping machine wakes, its clock jumps, but its timers have stood still.
CLOCK_CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """A token and the wall clock time of its creation. Services check its expiry by the wall clock."""

    text: str
    minted_at: datetime

    def can_be_reused(self, at: datetime) -> bool:
        """Returns whether the token can be used for further calls: it is not old, and the clock was not set back."""
        return timedelta(0) <= at - self.minted_at < timedelta(seconds=TOKEN_REUSE_SECONDS)


class TokenIssuer:
    """Signs identity tokens, and stores its public key for ListSigningKeys."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store
        self._private = Ed25519PrivateKey.generate()
        self._announced_at = datetime.min.replace(tzinfo=UTC)
        self.key_id = ids.new_id("sig")
        self.public_key = self._private.public_key().public_bytes_raw()

    def mint(self, api_key: ApiKey) -> IdentityToken:
        """Returns a token with the developer and the scopes of an API key.

        It is valid for five minutes, but not longer than the key.
        """
        issued = now()
        expires = issued + timedelta(seconds=TOKEN_SECONDS)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": api_key.developer_id,
            "scope": " ".join(api_key.scopes),
            "key": api_key.id,
            "iat": issued,
            # In whole seconds. The gateway enforces the exact time at which the key expires.
            "exp": math.ceil(min(expires, api_key.expires_at or expires).timestamp()),
        }
        return IdentityToken(self._signed(claims), issued)

    def mint_for_voter(self, voter_id: str, expires_at: datetime, invited_by: str = "") -> IdentityToken:
        """Returns a token with a voter's id, and with the developer who created the session if there is one.

        It is valid for five minutes, but not longer than the session.
        """
        issued = now()
        expires = min(issued + timedelta(seconds=TOKEN_SECONDS), expires_at)
        claims = {"iss": ISSUER, "aud": VOTER_AUDIENCE, "sub": voter_id, "iat": issued, "exp": expires}
        if invited_by:
            claims["invited_by"] = invited_by
        return IdentityToken(self._signed(claims), issued)

    def _signed(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self._private, algorithm=ALGORITHM, headers={"kid": self.key_id})

    async def announce(self) -> None:
        """Stores the public key, or prolongs it."""
        at = now()
        async with self._database.transaction() as connection:
            until = at + timedelta(hours=KEY_VALID_HOURS)
            await self._store.save_signing_key(connection, self.key_id, self.public_key, until)
        self._announced_at = at

    async def prolong(self) -> None:
        """Prolongs the public key if it was stored more than an hour ago, or if the clock was set back."""
        if not timedelta(0) <= now() - self._announced_at < timedelta(seconds=PROLONG_INTERVAL_SECONDS):
            await self.announce()
