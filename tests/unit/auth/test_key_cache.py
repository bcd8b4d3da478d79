"""The key cache: how long a key is believed, and what asking costs."""

import asyncio
from types import SimpleNamespace

import jwt
import psycopg
import pytest

from services.auth import domain, key_cache
from services.auth.key_cache import BELIEVED_SECONDS, TOKEN_REUSE_SECONDS, KeyCache
from services.auth.tokens import TokenIssuer
from services.auth.usecases import Auth
from services.runtime.clock import now
from services.runtime.errors import Unauthenticated
from tests.fakes.memory_auth_store import MemoryAuthStore
from tests.fakes.memory_database import MemoryDatabase


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(key_cache, "time", clock)
    return clock


@pytest.fixture
def cache(database: MemoryDatabase, store: MemoryAuthStore, issuer: TokenIssuer, clock: SimpleNamespace) -> KeyCache:
    return KeyCache(database, store, issuer)


@pytest.fixture
async def key(auth: Auth) -> str:
    _, key = await auth.register("Ada", "ada@example.org")
    return key


async def key_id_of(database: MemoryDatabase, store: MemoryAuthStore, key: str) -> tuple[str, str]:
    """Returns the id of a key, and of its developer."""
    async with database.reading() as connection:
        found = await store.find_key(connection, domain.hash_key(key))
    assert found is not None
    database.lookups = 0
    return found.id, found.developer_id


async def revoke(database: MemoryDatabase, store: MemoryAuthStore, key: str) -> None:
    key_id, developer_id = await key_id_of(database, store, key)
    async with database.transaction() as connection:
        assert await store.revoke(connection, developer_id, key_id, now())


async def test_a_key_becomes_a_token_of_its_developer(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, issuer: TokenIssuer, key: str
) -> None:
    _, developer_id = await key_id_of(database, store, key)
    token = await cache.identity_token(key)
    public_key = issuer._private.public_key()
    claims = jwt.decode(token, public_key, algorithms=["EdDSA"], audience="voicearena", issuer="voicearena.auth")
    assert (claims["sub"], claims["scope"]) == (developer_id, "experiments models speech keys")
    assert claims["exp"] - claims["iat"] == 300
    assert jwt.get_unverified_header(token)["kid"] == issuer.key_id


async def test_a_mangled_key_is_refused_without_a_look_up(cache: KeyCache, database: MemoryDatabase, key: str) -> None:
    for mangled in ("", "kc_short", key[:-1], key + "x", "é" * 52):
        with pytest.raises(Unauthenticated, match="mangled"):
            await cache.identity_token(mangled)
    assert database.lookups == 0


async def test_an_unknown_key_is_refused_and_asked_for_again(
    cache: KeyCache, database: MemoryDatabase, clock: SimpleNamespace
) -> None:
    unknown = domain.new_key()
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="the API key is unknown"):
            await cache.identity_token(unknown)
    assert database.lookups == 2
    assert cache._checking == {}


async def test_a_key_is_believed_for_less_than_a_second(
    cache: KeyCache, database: MemoryDatabase, clock: SimpleNamespace, key: str
) -> None:
    assert BELIEVED_SECONDS < 1
    first = await cache.identity_token(key)
    clock.now = BELIEVED_SECONDS - 0.001
    assert await cache.identity_token(key) == first
    assert database.lookups == 1
    clock.now = BELIEVED_SECONDS
    assert await cache.identity_token(key) == first
    assert database.lookups == 2


async def test_a_key_that_is_looked_up_again_keeps_its_token_for_a_minute(
    cache: KeyCache, clock: SimpleNamespace, key: str, issuer: TokenIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    minted: list[str] = []

    def mint(developer_id: str) -> str:
        minted.append(developer_id)
        return f"token {len(minted)}"

    monkeypatch.setattr(issuer, "mint", mint)
    assert await cache.identity_token(key) == "token 1"
    clock.now = TOKEN_REUSE_SECONDS
    assert await cache.identity_token(key) == "token 1"
    clock.now = TOKEN_REUSE_SECONDS + 1
    assert await cache.identity_token(key) == "token 2"


async def test_calls_that_arrive_together_share_one_look_up(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asyncio.Event()
    find = store.find_key

    async def slow(*arguments: object) -> object:
        await answer.wait()
        return await find(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "find_key", slow)
    calls = [asyncio.ensure_future(cache.identity_token(key)) for _ in range(20)]
    await asyncio.sleep(0)
    assert not any(call.done() for call in calls)
    answer.set()
    assert len(set(await asyncio.gather(*calls))) == 1
    assert database.lookups == 1
    assert cache._checking == {}


async def test_a_revoked_key_works_until_it_is_believed_no_more(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, clock: SimpleNamespace, key: str
) -> None:
    token = await cache.identity_token(key)
    await revoke(database, store, key)
    assert await cache.identity_token(key) == token
    clock.now = BELIEVED_SECONDS
    with pytest.raises(Unauthenticated, match="the API key was revoked"):
        await cache.identity_token(key)
    assert cache._entries == {}


async def test_a_revoked_key_that_is_forgotten_stops_at_once(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, auth: Auth, key: str
) -> None:
    _, other = await auth.register("Bob", "bob@example.org")
    kept = await cache.identity_token(other)
    await cache.identity_token(key)
    await revoke(database, store, key)
    cache.forget((await key_id_of(database, store, key))[0])
    with pytest.raises(Unauthenticated, match="the API key was revoked"):
        await cache.identity_token(key)
    assert await cache.identity_token(other) == kept
    cache.forget("key_unknown")
    assert len(cache._entries) == 1


async def test_a_key_that_is_revoked_while_it_is_looked_up_is_not_believed_longer_than_the_look_up(
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
    await cache.identity_token(key)
    monkeypatch.undo()
    monkeypatch.setattr(key_cache, "time", clock)
    await revoke(database, store, key)
    clock.now = BELIEVED_SECONDS
    with pytest.raises(Unauthenticated, match="the API key was revoked"):
        await cache.identity_token(key)


async def test_a_database_that_is_away_is_no_reason_to_believe_a_key_longer(
    cache: KeyCache, database: MemoryDatabase, clock: SimpleNamespace, key: str
) -> None:
    token = await cache.identity_token(key)
    with database.failing(psycopg.OperationalError("gone")):
        assert await cache.identity_token(key) == token
        clock.now = BELIEVED_SECONDS
        with pytest.raises(psycopg.OperationalError):
            await cache.identity_token(key)
    assert await cache.identity_token(key) == token
    assert cache._checking == {}


async def test_what_is_remembered_is_bounded(cache: KeyCache, auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_cache, "LARGEST_CACHE", 3)
    for number in range(8):
        _, key = await auth.register("Ada", f"ada{number}@example.org")
        await cache.identity_token(key)
        assert len(cache._entries) <= 3
