"""Authenticates API keys, from memory where possible.

The result of a look-up is valid for 0.8 seconds, so that a revoked key stops working within a second even if the bus is
down. The gateway caches it too: each result says how long it is still valid. To leave the gateway enough of that time,
auth uses a result for 0.3 seconds only. `ApiKeyRevoked` removes a key from the cache at once. That a key is unknown is
cached for a second. A key gets a new identity token once a minute, and when the clock was set.
"""

import asyncio
import time
from dataclasses import dataclass

from services.auth import domain
from services.auth.domain import ApiKey
from services.auth.key_uses import KeyUses
from services.auth.store import Store
from services.auth.tokens import IdentityToken, TokenIssuer
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import Unauthenticated

LOOKUP_VALID_SECONDS = 0.8
CACHE_SECONDS = 0.3
# An unknown key is not looked up again for this time, unless it is created meanwhile.
UNKNOWN_KEY_CACHE_SECONDS = 1.0
MAX_CACHED_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Authentication:
    """The result of authenticating a call."""

    key_id: str
    """The gateway counts calls by it: the id of the API key, or for a voter a hash of the address."""
    token: str
    """The identity token of the developer or voter."""
    valid_seconds: float
    """How long the result is valid from now."""


@dataclass(slots=True)
class _Entry:
    api_key: ApiKey
    token: IdentityToken
    checked_at: float


class KeyCache:
    """The cached API keys, by hash."""

    def __init__(self, database: Database, store: Store, issuer: TokenIssuer, uses: KeyUses) -> None:
        self._database = database
        self._store = store
        self._issuer = issuer
        self._uses = uses
        self._entries: dict[bytes, _Entry] = {}
        self._checking: dict[bytes, asyncio.Lock] = {}
        self._unknown: dict[bytes, float] = {}
        """When unknown keys were looked up, by hash."""

    async def authenticate(self, key: str) -> Authentication:
        """Returns the identity of an API key. Raises Unauthenticated, with the reason, if it is not valid."""
        if not domain.is_well_formed(key):
            raise Unauthenticated("The API key is malformed: it must be kc_ and 49 letters and digits, as issued")
        key_hash = domain.hash_key(key)
        entry = self._entries.get(key_hash)
        if entry is None or not _is_fresh(entry):
            entry = await self._checked(key_hash)
        return _authentication(entry)

    def forget_unknown(self, key_hash: bytes) -> None:
        """Makes the cache look up a key again that was unknown before, because it was created."""
        self._unknown.pop(key_hash, None)

    async def _checked(self, key_hash: bytes) -> _Entry:
        # Concurrent calls share one look-up.
        lock = self._checking.setdefault(key_hash, asyncio.Lock())
        try:
            async with lock:
                looked_up_at = self._unknown.get(key_hash, -UNKNOWN_KEY_CACHE_SECONDS)
                if time.monotonic() - looked_up_at < UNKNOWN_KEY_CACHE_SECONDS:
                    raise Unauthenticated(domain.UNKNOWN_KEY)
                entry = self._entries.get(key_hash)
                return entry if entry is not None and _is_fresh(entry) else await self._check(key_hash, entry)
        finally:
            if not lock.locked():
                self._checking.pop(key_hash, None)

    async def _check(self, key_hash: bytes, known: _Entry | None) -> _Entry:
        # The time before the look-up: a key that is revoked during the look-up must not stay valid longer.
        started = time.monotonic()
        async with self._database.reading() as connection:
            api_key = await self._store.find_key(connection, key_hash)
        if api_key is None:
            self._remember_unknown(key_hash, started)
            raise Unauthenticated(domain.UNKNOWN_KEY)
        if fault := api_key.fault(now()):
            self._entries.pop(key_hash, None)
            raise Unauthenticated(fault)
        self._uses.note(api_key.id)
        if known is None or not known.token.can_be_reused(now()) or known.api_key.expires_at != api_key.expires_at:
            known = _Entry(api_key, self._issuer.mint(api_key), started)
        known.checked_at = started
        if len(self._entries) >= MAX_CACHED_KEYS:
            self._entries.clear()
        self._entries[key_hash] = known
        return known

    def _remember_unknown(self, key_hash: bytes, looked_up_at: float) -> None:
        self._entries.pop(key_hash, None)
        if len(self._unknown) >= MAX_CACHED_KEYS:
            self._unknown.clear()
        self._unknown[key_hash] = looked_up_at

    def forget(self, key_id: str) -> None:
        """Removes a key from the cache, so that its next use is looked up."""
        for key_hash in [h for h, entry in self._entries.items() if entry.api_key.id == key_id]:
            del self._entries[key_hash]


def _is_fresh(entry: _Entry) -> bool:
    # A key that has expired is looked up again, which raises the error. So is one whose token is too old.
    at = now()
    return (
        time.monotonic() - entry.checked_at < CACHE_SECONDS
        and entry.token.can_be_reused(at)
        and not entry.api_key.fault(at)
    )


def _authentication(entry: _Entry) -> Authentication:
    left = entry.checked_at + LOOKUP_VALID_SECONDS - time.monotonic()
    if entry.api_key.expires_at is not None:
        left = min(left, (entry.api_key.expires_at - now()).total_seconds())
    return Authentication(entry.api_key.id, entry.token.text, left)
