"""Mints identity tokens. Each process signs with a key of its own, whose private half never leaves its memory."""

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
# For how long a token is given out again, so that services can remember that they have verified it.
TOKEN_REUSE_SECONDS = 60.0
# The public half outlives the last token by a wide margin, and is prolonged well before it ends.
KEY_HOURS = 24
PROLONG_SECONDS = 3600.0
# Looked at this often, since the timer of a machine that sleeps stands still and its clock jumps when it wakes.
CLOCK_CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """A token, and when it was minted by the wall clock, by which services judge whether it has expired."""

    text: str
    minted_at: datetime

    def can_be_reused(self, at: datetime) -> bool:
        """Says whether it is still to be given out: not when it is old, or when the clock was set since."""
        return timedelta(0) <= at - self.minted_at < timedelta(seconds=TOKEN_REUSE_SECONDS)


class TokenIssuer:
    """Signs identity tokens and keeps its public key where ListSigningKeys finds it."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store
        self._private = Ed25519PrivateKey.generate()
        self._announced_at = datetime.min.replace(tzinfo=UTC)
        self.key_id = ids.new_id("sig")
        self.public_key = self._private.public_key().public_bytes_raw()

    def mint(self, api_key: ApiKey) -> IdentityToken:
        """Returns a token that says who calls and what their key allows: for five minutes, or until the key expires."""
        issued = now()
        expires = issued + timedelta(seconds=TOKEN_SECONDS)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": api_key.developer_id,
            "scope": " ".join(api_key.scopes),
            "key": api_key.id,
            "iat": issued,
            # In whole seconds; the gateway sees to the rest of the last one.
            "exp": math.ceil(min(expires, api_key.expires_at or expires).timestamp()),
        }
        return IdentityToken(self._signed(claims), issued)

    def mint_for_voter(self, voter_id: str, expires_at: datetime) -> IdentityToken:
        """Returns a token that says which voter calls: for five minutes, or until the session expires."""
        issued = now()
        expires = min(issued + timedelta(seconds=TOKEN_SECONDS), expires_at)
        claims = {"iss": ISSUER, "aud": VOTER_AUDIENCE, "sub": voter_id, "iat": issued, "exp": expires}
        return IdentityToken(self._signed(claims), issued)

    def _signed(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self._private, algorithm=ALGORITHM, headers={"kid": self.key_id})

    async def announce(self) -> None:
        """Stores the public key, or prolongs it."""
        at = now()
        async with self._database.transaction() as connection:
            until = at + timedelta(hours=KEY_HOURS)
            await self._store.save_signing_key(connection, self.key_id, self.public_key, until)
        self._announced_at = at

    async def prolong(self) -> None:
        """Prolongs the public key if an hour has passed since it was stored, or if the clock was set meanwhile."""
        if not timedelta(0) <= now() - self._announced_at < timedelta(seconds=PROLONG_SECONDS):
            await self.announce()
