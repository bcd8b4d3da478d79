"""Who is calling: the identity token that the gateway puts on a call, and the caller it speaks of.

The token is a JWT signed with Ed25519 by the auth service. Services verify it with auth's public keys and never see an
API key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.runtime.errors import CredentialsMissing, Unauthenticated, Unavailable

IDENTITY_HEADER = "x-voicearena-identity"
ISSUER = "voicearena.auth"
AUDIENCE = "voicearena"
ALGORITHM = "EdDSA"

# Ed25519 takes about 0.1 ms to verify, much of what a read costs; a token that was good is good until it expires.
LARGEST_CACHE = 10_000
# The least time between two times that unknown key ids make us ask auth for its keys. A call with one waits that long.
KEY_REFRESH_SECONDS = 1.0
UNREACHABLE = "auth can't be reached for its signing keys"


@dataclass(frozen=True, slots=True)
class Identity:
    """A developer who is calling, and what their key allows."""

    developer_id: str
    scopes: frozenset[str]
    key_id: str = ""
    """The API key that they call with."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity with the token that proves it, so that it can be passed on."""

    identity: Identity
    token: str


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def current_identity() -> Identity:
    """Returns who is calling; CredentialsMissing if nobody is known."""
    caller = _caller.get()
    if caller is None:
        raise CredentialsMissing("an API key is needed: send it as `Authorization: Bearer KEY`")
    return caller.identity


def current_caller() -> Caller | None:
    """Returns who is calling with their token, None if nobody is known."""
    return _caller.get()


def set_caller(caller: Caller | None) -> None:
    """Sets who is calling for the rest of this task."""
    _caller.set(caller)


FetchKeys = Callable[[], Awaitable[Mapping[str, bytes]]]


class TokenVerifier:
    """Verifies identity tokens. Keys are fetched when first needed and when a token names an unknown one."""

    def __init__(self, fetch_keys: FetchKeys) -> None:
        self._fetch_keys = fetch_keys
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_at = self._failed_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._verified: dict[str, tuple[float, Caller]] = {}

    def known(self, token: str) -> Caller | None:
        """Returns whom a token speaks of that has been verified before and has not expired since."""
        found = self._verified.get(token)
        return found[1] if found is not None and found[0] > time.time() else None

    async def verify(self, token: str) -> Caller:
        """Returns whom a token speaks of; Unauthenticated if it is not good, Unavailable if that can't be told."""
        if known := self.known(token):
            return known
        try:
            key_id = str(jwt.get_unverified_header(token).get("kid", ""))
            claims = jwt.decode(
                token,
                await self._key(key_id),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated(f"the identity token is not valid: {error}") from None
        scopes = frozenset(str(claims.get("scope", "")).split())
        caller = Caller(Identity(str(claims["sub"]), scopes, str(claims.get("key", ""))), token)
        if len(self._verified) >= LARGEST_CACHE:
            self._verified.clear()
        self._verified[token] = (float(claims["exp"]), caller)
        return caller

    async def _key(self, key_id: str) -> Ed25519PublicKey:
        if key_id not in self._keys:
            asked_at = time.monotonic()
            async with self._fetching:
                # Who waited while a try failed shares its failure, instead of trying one after another.
                if self._failed_at > asked_at:
                    raise Unavailable(UNREACHABLE)
                if key_id not in self._keys and self._fetched_at < asked_at:
                    # A key may have been made since; it is asked for, but never more than once a second.
                    await asyncio.sleep(max(0.0, self._fetched_at + KEY_REFRESH_SECONDS - asked_at))
                    await self.refresh()
        try:
            return self._keys[key_id]
        except KeyError:
            raise Unauthenticated("the identity token is signed with an unknown key") from None

    async def refresh(self) -> None:
        """Fetches auth's keys; Unavailable if it can't be reached."""
        started_at = time.monotonic()
        try:
            keys = await self._fetch_keys()
        except (OSError, TimeoutError) as error:
            self._failed_at = time.monotonic()
            raise Unavailable(UNREACHABLE) from error
        self._keys = {k: Ed25519PublicKey.from_public_bytes(raw) for k, raw in keys.items()}
        self._fetched_at = started_at
