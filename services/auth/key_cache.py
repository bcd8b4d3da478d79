"""Answers which developer an API key belongs to, and for how long that is good; from memory where it can.

An answer is believed for less than a second after the look-up that it rests on, so that a revoked key stops working
within one even when the bus is away. The gateway believes it too: what is left of that time goes with the answer, and
so that enough is left, auth itself answers from memory for a part of it only. `ApiKeyRevoked` drops a key here at once.
That a key is unknown is remembered for a second, too. The identity token of an answer is minted anew once a minute, and
when the clock was set.
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

BELIEVED_SECONDS = 0.8
REMEMBERED_SECONDS = 0.3
# A key that is unknown is not looked up again for this long, unless one is created meanwhile.
UNKNOWN_SECONDS = 1.0
MAX_CACHED_KEYS = 10_000
UNKNOWN = "the API key is unknown"


@dataclass(frozen=True, slots=True)
class Recognised:
    """A good API key: its id, the identity token of its developer, and how long, from now, both may be believed.

    Or a voter's session; its calls are counted by address, so `key_id` stands for that.
    """

    key_id: str
    token: str
    believed_seconds: float


@dataclass(slots=True)
class _Entry:
    api_key: ApiKey
    token: IdentityToken
    checked_at: float


class KeyCache:
    """The API keys in use, by hash."""

    def __init__(self, database: Database, store: Store, issuer: TokenIssuer, uses: KeyUses) -> None:
        self._database = database
        self._store = store
        self._issuer = issuer
        self._uses = uses
        self._entries: dict[bytes, _Entry] = {}
        self._checking: dict[bytes, asyncio.Lock] = {}
        self._unknown: dict[bytes, float] = {}
        """When keys that are unknown were looked up."""

    async def recognise(self, key: str) -> Recognised:
        """Returns what a key stands for; Unauthenticated if it is no good, and why."""
        if not domain.is_well_formed(key):
            raise Unauthenticated("the API key is mangled: it must be kc_ and 49 more letters and digits, as issued")
        key_hash = domain.hash_key(key)
        entry = self._entries.get(key_hash)
        if entry is None or not _is_fresh(entry):
            entry = await self._checked(key_hash)
        return _recognised(entry)

    def expect(self, key_hash: bytes) -> None:
        """Forgets that a key was unknown, since it has been created."""
        self._unknown.pop(key_hash, None)

    async def _checked(self, key_hash: bytes) -> _Entry:
        # One look-up for many calls that arrive together.
        lock = self._checking.setdefault(key_hash, asyncio.Lock())
        try:
            async with lock:
                if time.monotonic() - self._unknown.get(key_hash, -UNKNOWN_SECONDS) < UNKNOWN_SECONDS:
                    raise Unauthenticated(UNKNOWN)
                entry = self._entries.get(key_hash)
                return entry if entry is not None and _is_fresh(entry) else await self._check(key_hash, entry)
        finally:
            if not lock.locked():
                self._checking.pop(key_hash, None)

    async def _check(self, key_hash: bytes, known: _Entry | None) -> _Entry:
        # Read before the look-up: what is revoked while it runs must not be believed longer.
        started = time.monotonic()
        async with self._database.reading() as connection:
            api_key = await self._store.find_key(connection, key_hash)
        if api_key is None:
            self._remember_unknown(key_hash, started)
            raise Unauthenticated(UNKNOWN)
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
        """Drops a key, so that its next use is looked up."""
        for key_hash in [h for h, entry in self._entries.items() if entry.api_key.id == key_id]:
            del self._entries[key_hash]


def _is_fresh(entry: _Entry) -> bool:
    # One that has expired since is looked up too, which says so. So is one whose token the clock has left behind.
    at = now()
    return (
        time.monotonic() - entry.checked_at < REMEMBERED_SECONDS
        and entry.token.can_be_reused(at)
        and not entry.api_key.fault(at)
    )


def _recognised(entry: _Entry) -> Recognised:
    left = entry.checked_at + BELIEVED_SECONDS - time.monotonic()
    if entry.api_key.expires_at is not None:
        left = min(left, (entry.api_key.expires_at - now()).total_seconds())
    return Recognised(entry.api_key.id, entry.token.text, left)
