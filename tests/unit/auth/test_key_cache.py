"""The key cache: how long auth and the gateway use the result of a look-up, and when keys are looked up."""

import asyncio
import math
from datetime import datetime, timedelta
from types import SimpleNamespace

import jwt
import psycopg
import pytest

from services.auth import domain, key_cache, tokens
from services.auth.key_cache import CACHE_SECONDS, LOOKUP_VALID_SECONDS, UNKNOWN_KEY_CACHE_SECONDS, KeyCache
from services.auth.key_uses import KeyUses
from services.auth.tokens import TOKEN_REUSE_SECONDS, TokenIssuer
from services.auth.usecases import Auth
from services.runtime.clock import now
from services.runtime.errors import Unauthenticated
from services.runtime.identity import SCOPES
from services.runtime.pages import Pages
from tests.fakes.memory_auth_store import MemoryAuthStore
from tests.fakes.memory_database import MemoryDatabase
from tests.unit.auth.conftest import registrations


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(key_cache, "time", clock)
    return clock


@pytest.fixture
def uses(database: MemoryDatabase, store: MemoryAuthStore) -> KeyUses:
    return KeyUses(database, store)


@pytest.fixture
def cache(
    database: MemoryDatabase, store: MemoryAuthStore, issuer: TokenIssuer, uses: KeyUses, clock: SimpleNamespace
) -> KeyCache:
    return KeyCache(database, store, issuer, uses)


@pytest.fixture
async def key(auth: Auth) -> str:
    _, key = await auth.register("Ada", "ada@example.org")
    return key


async def key_id_of(database: MemoryDatabase, store: MemoryAuthStore, key: str) -> tuple[str, str]:
    """Returns the id of a key and the id of its developer."""
    async with database.reading() as connection:
        found = await store.find_key(connection, domain.hash_key(key))
    assert found is not None
    database.lookups = 0
    return found.id, found.developer_id


async def token_of(cache: KeyCache, key: str) -> str:
    return (await cache.authenticate(key)).token


async def revoke(database: MemoryDatabase, store: MemoryAuthStore, key: str) -> None:
    key_id, developer_id = await key_id_of(database, store, key)
    async with database.transaction() as connection:
        assert await store.revoke(connection, developer_id, key_id, now())


async def test_a_key_is_exchanged_for_a_token_of_its_developer(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, issuer: TokenIssuer, key: str
) -> None:
    _, developer_id = await key_id_of(database, store, key)
    token = await token_of(cache, key)
    public_key = issuer._private.public_key()
    claims = jwt.decode(token, public_key, algorithms=["EdDSA"], audience="voicearena", issuer="voicearena.auth")
    assert (claims["sub"], claims["scope"].split()) == (developer_id, list(SCOPES))
    assert claims["key"] == (await cache.authenticate(key)).key_id
    assert claims["exp"] - claims["iat"] in (300, 301)
    assert jwt.get_unverified_header(token)["kid"] == issuer.key_id


async def test_a_malformed_key_is_refused_without_a_look_up(
    cache: KeyCache, database: MemoryDatabase, key: str
) -> None:
    for malformed in ("", "kc_short", key[:-1], key + "x", "é" * 52):
        with pytest.raises(Unauthenticated, match="malformed"):
            await token_of(cache, malformed)
    assert database.lookups == 0


async def test_auth_caches_a_look_up_for_a_part_of_its_validity(
    cache: KeyCache, database: MemoryDatabase, clock: SimpleNamespace, key: str
) -> None:
    assert CACHE_SECONDS < LOOKUP_VALID_SECONDS < 1
    first = await token_of(cache, key)
    clock.now = CACHE_SECONDS - 0.001
    assert await token_of(cache, key) == first
    assert database.lookups == 1
    clock.now = CACHE_SECONDS
    assert await token_of(cache, key) == first
    assert database.lookups == 2


async def test_a_result_says_how_long_it_is_still_valid(cache: KeyCache, clock: SimpleNamespace, key: str) -> None:
    assert (await cache.authenticate(key)).valid_seconds == LOOKUP_VALID_SECONDS
    clock.now = 0.25
    assert (await cache.authenticate(key)).valid_seconds == pytest.approx(LOOKUP_VALID_SECONDS - 0.25)
    clock.now = 0.35
    assert (await cache.authenticate(key)).valid_seconds == pytest.approx(LOOKUP_VALID_SECONDS)


class WallClock:
    """The wall clock of auth, which tests can set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta(0)
        self._began = now()
        for module in (key_cache, tokens):
            monkeypatch.setattr(module, "now", self.now)

    def now(self) -> datetime:
        return self._began + self.ahead


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    return WallClock(monkeypatch)


async def test_a_key_keeps_its_token_for_a_minute(
    cache: KeyCache, clock: SimpleNamespace, wall: WallClock, key: str
) -> None:
    first = await token_of(cache, key)
    clock.now, wall.ahead = TOKEN_REUSE_SECONDS - 1, timedelta(seconds=TOKEN_REUSE_SECONDS - 1)
    assert await token_of(cache, key) == first
    clock.now, wall.ahead = TOKEN_REUSE_SECONDS, timedelta(seconds=TOKEN_REUSE_SECONDS)
    assert await token_of(cache, key) != first


@pytest.mark.parametrize("jump", [timedelta(minutes=10), timedelta(days=3), timedelta(minutes=-10)])
async def test_after_a_jump_of_the_clock_a_key_gets_a_new_token(
    jump: timedelta, cache: KeyCache, clock: SimpleNamespace, wall: WallClock, key: str
) -> None:
    await token_of(cache, key)
    # As if the machine had slept: its timers stood still.
    wall.ahead = jump
    claims = jwt.decode(await token_of(cache, key), options={"verify_signature": False})
    assert (claims["iat"], claims["exp"]) == (int(wall.now().timestamp()), math.ceil(wall.now().timestamp() + 300))
    clock.now = CACHE_SECONDS
    claims_after_a_look_up = jwt.decode(await token_of(cache, key), options={"verify_signature": False})
    assert claims_after_a_look_up == claims


async def test_the_signing_key_is_prolonged_when_the_clock_jumps(
    database: MemoryDatabase, issuer: TokenIssuer, wall: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumps = {3: timedelta(minutes=59), 5: timedelta(days=3), 8: timedelta(days=2)}
    announced: list[timedelta] = []
    announce = issuer.announce

    async def counted() -> None:
        announced.append(wall.ahead)
        await announce()

    monkeypatch.setattr(issuer, "announce", counted)
    await issuer.announce()
    for look in range(1, 11):
        wall.ahead = jumps.get(look, wall.ahead)
        await issuer.prolong()
    assert announced == [timedelta(0), timedelta(days=3), timedelta(days=2)]


async def test_concurrent_calls_share_one_look_up(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = asyncio.Event()
    find = store.find_key

    async def slow(*arguments: object) -> object:
        await released.wait()
        return await find(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "find_key", slow)
    calls = [asyncio.ensure_future(token_of(cache, key)) for _ in range(20)]
    await asyncio.sleep(0)
    assert not any(call.done() for call in calls)
    released.set()
    assert len(set(await asyncio.gather(*calls))) == 1
    assert database.lookups == 1
    assert cache._checking == {}


async def test_a_revoked_key_works_until_its_cached_look_up_ends(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, clock: SimpleNamespace, key: str
) -> None:
    token = await token_of(cache, key)
    await revoke(database, store, key)
    assert await token_of(cache, key) == token
    clock.now = CACHE_SECONDS
    with pytest.raises(Unauthenticated, match="The API key was revoked"):
        await token_of(cache, key)
    assert cache._entries == {}


async def test_a_revoked_key_that_is_removed_from_the_cache_is_refused_at_once(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, auth: Auth, key: str
) -> None:
    _, other = await auth.register("Bob", "bob@example.org")
    kept = await token_of(cache, other)
    await token_of(cache, key)
    await revoke(database, store, key)
    cache.forget((await key_id_of(database, store, key))[0])
    with pytest.raises(Unauthenticated, match="The API key was revoked"):
        await token_of(cache, key)
    assert await token_of(cache, other) == kept
    cache.forget("key_unknown")
    assert len(cache._entries) == 1


async def test_the_validity_of_a_look_up_begins_before_it(
    cache: KeyCache,
    database: MemoryDatabase,
    store: MemoryAuthStore,
    clock: SimpleNamespace,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = store.find_key

    async def slow(*arguments: object) -> object:
        found = await find(*arguments)  # type: ignore[arg-type]
        clock.now += 0.5
        return found

    monkeypatch.setattr(store, "find_key", slow)
    authentication = await cache.authenticate(key)
    assert authentication.valid_seconds == pytest.approx(LOOKUP_VALID_SECONDS - 0.5)
    monkeypatch.undo()
    monkeypatch.setattr(key_cache, "time", clock)
    await revoke(database, store, key)
    with pytest.raises(Unauthenticated, match="The API key was revoked"):
        await token_of(cache, key)


async def test_a_key_is_not_valid_longer_when_the_database_is_down(
    cache: KeyCache, database: MemoryDatabase, clock: SimpleNamespace, key: str
) -> None:
    token = await token_of(cache, key)
    with database.failing(psycopg.OperationalError("gone")):
        assert await token_of(cache, key) == token
        clock.now = CACHE_SECONDS
        with pytest.raises(psycopg.OperationalError):
            await token_of(cache, key)
    assert await token_of(cache, key) == token
    assert cache._checking == {}


async def test_the_token_and_the_result_end_with_the_key(
    cache: KeyCache,
    database: MemoryDatabase,
    store: MemoryAuthStore,
    issuer: TokenIssuer,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moment = now()
    monkeypatch.setattr(key_cache, "now", lambda: moment)
    key_id, _ = await key_id_of(database, store, key)
    before = await cache.authenticate(key)
    cache.forget(key_id)
    ends = moment + timedelta(milliseconds=500)
    async with database.transaction() as connection:
        await store.replace(connection, key_id, "", ends)
    last = await cache.authenticate(key)
    assert last.valid_seconds == pytest.approx(0.5)
    claims = jwt.decode(last.token, options={"verify_signature": False})
    assert claims["exp"] == math.ceil(ends.timestamp())
    assert last.token != before.token
    moment = ends
    with pytest.raises(Unauthenticated, match=r"The API key expired at 20\d\d-.* UTC; create another"):
        await cache.authenticate(key)


async def test_the_error_for_an_expired_rotated_key_names_the_new_key(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, key: str
) -> None:
    key_id, _ = await key_id_of(database, store, key)
    async with database.transaction() as connection:
        await store.replace(connection, key_id, "key_new", now())
    with pytest.raises(Unauthenticated, match=r"The API key expired at .* UTC; use key_new, to which it was rotated"):
        await cache.authenticate(key)


async def test_the_use_of_a_valid_key_is_recorded_and_of_a_revoked_one_not(
    cache: KeyCache, uses: KeyUses, database: MemoryDatabase, store: MemoryAuthStore, auth: Auth, key: str
) -> None:
    _, revoked = await auth.register("Bob", "bob@example.org")
    await revoke(database, store, revoked)
    began = now()
    await cache.authenticate(key)
    with pytest.raises(Unauthenticated):
        await cache.authenticate(revoked)
    await uses.write()
    async with database.reading() as connection:
        used, unused = [await store.find_key(connection, domain.hash_key(k)) for k in (key, revoked)]
    assert used
    assert used.last_used_at
    assert began <= used.last_used_at <= now()
    assert unused
    assert unused.last_used_at is None


async def test_uses_that_can_not_be_written_are_kept(
    uses: KeyUses, database: MemoryDatabase, store: MemoryAuthStore, key: str
) -> None:
    key_id, developer_id = await key_id_of(database, store, key)
    uses.note(key_id)
    with database.failing(psycopg.OperationalError("gone")), pytest.raises(psycopg.OperationalError):
        await uses.write()
    await uses.write()
    async with database.reading() as connection:
        found = await store.get_api_key(connection, developer_id, key_id)
    assert found
    assert found.last_used_at


async def test_unwritten_uses_are_written_at_the_end(
    uses: KeyUses, database: MemoryDatabase, store: MemoryAuthStore, key: str
) -> None:
    key_id, developer_id = await key_id_of(database, store, key)
    writing = asyncio.create_task(uses.keep_writing())
    # The first round finds nothing, and the next is a minute away.
    await asyncio.sleep(0)
    uses.note(key_id)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with database.reading() as connection:
        found = await store.get_api_key(connection, developer_id, key_id)
    assert found
    assert found.last_used_at


async def test_the_cache_of_keys_has_a_maximum_size(
    cache: KeyCache, auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_cache, "MAX_CACHED_KEYS", 3)
    for number in range(8):
        _, key = await auth.register("Ada", f"ada{number}@example.org")
        await token_of(cache, key)
        assert len(cache._entries) <= 3


async def test_an_unknown_key_is_looked_up_once_a_second(
    cache: KeyCache, database: MemoryDatabase, clock: SimpleNamespace
) -> None:
    unknown = domain.new_key()
    for _ in range(5):
        with pytest.raises(Unauthenticated, match="unknown"):
            await cache.authenticate(unknown)
    assert database.lookups == 1
    clock.now += UNKNOWN_KEY_CACHE_SECONDS
    with pytest.raises(Unauthenticated, match="unknown"):
        await cache.authenticate(unknown)
    assert database.lookups == 2


async def test_a_key_that_was_unknown_works_as_soon_as_it_is_created(
    database: MemoryDatabase, store: MemoryAuthStore, cache: KeyCache
) -> None:
    """A repeated registration has the same key, so a key can be used before it is created."""
    auth = Auth(database, store, Pages("a secret"), "a secret", registrations(store), cache.forget_unknown)
    drawn = domain.new_key()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain, "new_key", lambda: drawn)
        with pytest.raises(Unauthenticated):
            await cache.authenticate(drawn)
        _, key = await auth.register("Ada", "ada@example.org")
    assert key == drawn
    assert (await cache.authenticate(key)).token


async def test_the_cache_of_unknown_keys_has_a_maximum_size(
    cache: KeyCache, database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_cache, "MAX_CACHED_KEYS", 3)
    first = domain.new_key()
    for key in (first, *(domain.new_key() for _ in range(3)), first):
        with pytest.raises(Unauthenticated):
            await cache.authenticate(key)
    assert database.lookups == 5
