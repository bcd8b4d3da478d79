"""The API keys that created voter sessions, from memory where possible.

A session ends when the key that created it is revoked. As with API keys, the result of a look-up is used for 0.3
seconds, and `ApiKeyRevoked` removes it at once.
"""

import time
from dataclasses import dataclass

from services.auth import domain
from services.auth.domain import ApiKey
from services.auth.key_cache import CACHE_SECONDS, MAX_CACHED_KEYS
from services.auth.store import Store
from services.runtime.db import Database
from services.runtime.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class _Entry:
    api_key: ApiKey
    checked_at: float


class InvitingKeys:
    """The cached keys, by id."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store
        self._entries: dict[str, _Entry] = {}

    async def developer_of(self, key_id: str) -> tuple[str, float]:
        """Returns whose key it is, and when it was looked up. Raises Unauthenticated if it was revoked or deleted.

        An expired key does not end its sessions: they never outlive the expiry that it had when it created them, and a
        key that is rotated expires soon.
        """
        entry = self._entries.get(key_id)
        if entry is None or time.monotonic() - entry.checked_at >= CACHE_SECONDS:
            entry = await self._check(key_id)
        return entry.api_key.developer_id, entry.checked_at

    async def _check(self, key_id: str) -> _Entry:
        # The time before the look-up: a key that is revoked during the look-up must not stay valid longer.
        started = time.monotonic()
        async with self._database.reading() as connection:
            found = await self._store.find_keys(connection, [key_id])
        if not found or found[0].revoked_at is not None:
            self._entries.pop(key_id, None)
            raise Unauthenticated(domain.SESSION_OF_REVOKED_KEY)
        if len(self._entries) >= MAX_CACHED_KEYS:
            self._entries.clear()
        self._entries[key_id] = entry = _Entry(found[0], started)
        return entry

    def forget(self, key_id: str) -> None:
        """Removes a key from the cache, so that its next use is looked up."""
        self._entries.pop(key_id, None)
