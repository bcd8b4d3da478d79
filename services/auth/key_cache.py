"""Answers which developer an API key belongs to, from memory where it can.

An entry is believed for less than a second, so that a revoked key stops working within one even when the bus is away;
`ApiKeyRevoked` drops it at once. The identity token in it is minted anew once a minute.
"""

import asyncio
import time
from dataclasses import dataclass

from services.auth import domain
from services.auth.store import Store
from services.auth.tokens import TokenIssuer
from services.runtime.db import Database
from services.runtime.errors import Unauthenticated

BELIEVED_SECONDS = 0.8
TOKEN_REUSE_SECONDS = 60.0
LARGEST_CACHE = 10_000


@dataclass(slots=True)
class _Entry:
    key_id: str
    token: str
    minted_at: float
    checked_at: float


class KeyCache:
    """The API keys in use, by hash."""

    def __init__(self, database: Database, store: Store, issuer: TokenIssuer) -> None:
        self._database = database
        self._store = store
        self._issuer = issuer
        self._entries: dict[bytes, _Entry] = {}
        self._checking: dict[bytes, asyncio.Lock] = {}

    async def identity_token(self, key: str) -> str:
        """Returns the identity token of a key's developer; Unauthenticated if the key is no good, and why."""
        if not domain.is_well_formed(key):
            raise Unauthenticated("the API key is mangled: it must be kc_ and 49 more letters and digits, as issued")
        key_hash = domain.hash_key(key)
        entry = self._entries.get(key_hash)
        if entry is not None and time.monotonic() - entry.checked_at < BELIEVED_SECONDS:
            return entry.token
        # One look-up for many calls that arrive together.
        lock = self._checking.setdefault(key_hash, asyncio.Lock())
        try:
            async with lock:
                entry = self._entries.get(key_hash)
                if entry is None or time.monotonic() - entry.checked_at >= BELIEVED_SECONDS:
                    entry = await self._check(key_hash, entry)
                return entry.token
        finally:
            if not lock.locked():
                self._checking.pop(key_hash, None)

    async def _check(self, key_hash: bytes, known: _Entry | None) -> _Entry:
        # Read before the look-up: what is revoked while it runs must not be believed longer.
        started = time.monotonic()
        async with self._database.reading() as connection:
            api_key = await self._store.find_key(connection, key_hash)
        if api_key is None or api_key.revoked_at is not None:
            self._entries.pop(key_hash, None)
            raise Unauthenticated("the API key is unknown" if api_key is None else "the API key was revoked")
        if known is None or started - known.minted_at > TOKEN_REUSE_SECONDS:
            known = _Entry(api_key.id, self._issuer.mint(api_key.developer_id), started, started)
        known.checked_at = started
        if len(self._entries) >= LARGEST_CACHE:
            self._entries.clear()
        self._entries[key_hash] = known
        return known

    def forget(self, key_id: str) -> None:
        """Drops a key, so that its next use is looked up."""
        for key_hash in [h for h, entry in self._entries.items() if entry.key_id == key_id]:
            del self._entries[key_hash]
