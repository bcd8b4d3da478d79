"""The key cache: how long a key is believed, by auth and by the gateway, and what asking costs."""

import asyncio
import math
from datetime import datetime, timedelta
from types import SimpleNamespace

import jwt
import psycopg
import pytest

from services.auth import domain, key_cache, tokens
from services.auth.key_cache import BELIEVED_SECONDS, REMEMBERED_SECONDS, UNKNOWN_SECONDS, KeyCache
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
    """Returns the id of a key, and of its developer."""
    async with database.reading() as connection:
        found = await store.find_key(connection, domain.hash_key(key))
    assert found is not None
    database.lookups = 0
    return found.id, found.developer_id


async def token_of(cache: KeyCache, key: str) -> str:
    return (await cache.recognise(key)).token


async def revoke(database: MemoryDatabase, store: MemoryAuthStore, key: str) -> None:
    key_id, developer_id = await key_id_of(database, store, key)
    async with database.transaction() as connection:
        assert await store.revoke(connection, developer_id, key_id, now())


async def test_a_key_becomes_a_token_of_its_developer(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, issuer: TokenIssuer, key: str
) -> None:
    _, developer_id = await key_id_of(database, store, key)
    token = await token_of(cache, key)
    public_key = issuer._private.public_key()
    claims = jwt.decode(token, public_key, algorithms=["EdDSA"], audience="voicearena", issuer="voicearena.auth")
    assert (claims["sub"], claims["scope"].split()) == (developer_id, list(SCOPES))
    assert claims["key"] == (await cache.recognise(key)).key_id
    assert claims["exp"] - claims["iat"] in (300, 301)
    assert jwt.get_unverified_header(token)["kid"] == issuer.key_id


async def test_a_mangled_key_is_refused_without_a_look_up(cache: KeyCache, database: MemoryDatabase, key: str) -> None:
    for mangled in ("", "kc_short", key[:-1], key + "x", "é" * 52):
        with pytest.raises(Unauthenticated, match="mangled"):
            await token_of(cache, mangled)
    assert database.lookups == 0


async def test_a_key_is_remembered_for_a_part_of_the_time_for_which_it_is_believed(
    cache: KeyCache, database: MemoryDatabase, clock: SimpleNamespace, key: str
) -> None:
    assert REMEMBERED_SECONDS < BELIEVED_SECONDS < 1
    first = await token_of(cache, key)
    clock.now = REMEMBERED_SECONDS - 0.001
    assert await token_of(cache, key) == first
    assert database.lookups == 1
    clock.now = REMEMBERED_SECONDS
    assert await token_of(cache, key) == first
    assert database.lookups == 2


async def test_an_answer_says_what_is_left_of_the_time_for_which_it_is_believed(
    cache: KeyCache, clock: SimpleNamespace, key: str
) -> None:
    assert (await cache.recognise(key)).believed_seconds == BELIEVED_SECONDS
    clock.now = 0.25
    assert (await cache.recognise(key)).believed_seconds == pytest.approx(BELIEVED_SECONDS - 0.25)
    clock.now = 0.35
    assert (await cache.recognise(key)).believed_seconds == pytest.approx(BELIEVED_SECONDS)


class WallClock:
    """The time of day as auth sees it, which can be set."""

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


async def test_a_key_that_is_looked_up_again_keeps_its_token_for_a_minute(
    cache: KeyCache, clock: SimpleNamespace, wall: WallClock, key: str
) -> None:
    first = await token_of(cache, key)
    clock.now, wall.ahead = TOKEN_REUSE_SECONDS - 1, timedelta(seconds=TOKEN_REUSE_SECONDS - 1)
    assert await token_of(cache, key) == first
    clock.now, wall.ahead = TOKEN_REUSE_SECONDS, timedelta(seconds=TOKEN_REUSE_SECONDS)
    assert await token_of(cache, key) != first


@pytest.mark.parametrize("jump", [timedelta(minutes=10), timedelta(days=3), timedelta(minutes=-10)])
async def test_a_clock_that_jumps_gets_a_token_that_is_good_by_it(
    jump: timedelta, cache: KeyCache, clock: SimpleNamespace, wall: WallClock, key: str
) -> None:
    await token_of(cache, key)
    # The machine slept, say, so the timer stood still.
    wall.ahead = jump
    claims = jwt.decode(await token_of(cache, key), options={"verify_signature": False})
    assert (claims["iat"], claims["exp"]) == (int(wall.now().timestamp()), math.ceil(wall.now().timestamp() + 300))
    clock.now = REMEMBERED_SECONDS
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


async def test_calls_that_arrive_together_share_one_look_up(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asyncio.Event()
    find = store.find_key

    async def slow(*arguments: object) -> object:
        await answer.wait()
        return await find(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "find_key", slow)
    calls = [asyncio.ensure_future(token_of(cache, key)) for _ in range(20)]
    await asyncio.sleep(0)
    assert not any(call.done() for call in calls)
    answer.set()
    assert len(set(await asyncio.gather(*calls))) == 1
    assert database.lookups == 1
    assert cache._checking == {}


async def test_a_revoked_key_works_until_it_is_believed_no_more(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, clock: SimpleNamespace, key: str
) -> None:
    token = await token_of(cache, key)
    await revoke(database, store, key)
    assert await token_of(cache, key) == token
    clock.now = REMEMBERED_SECONDS
    with pytest.raises(Unauthenticated, match="the API key was revoked"):
        await token_of(cache, key)
    assert cache._entries == {}


async def test_a_revoked_key_that_is_forgotten_stops_at_once(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, auth: Auth, key: str
) -> None:
    _, other = await auth.register("Bob", "bob@example.org")
    kept = await token_of(cache, other)
    await token_of(cache, key)
    await revoke(database, store, key)
    cache.forget((await key_id_of(database, store, key))[0])
    with pytest.raises(Unauthenticated, match="the API key was revoked"):
        await token_of(cache, key)
    assert await token_of(cache, other) == kept
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
    recognised = await cache.recognise(key)
    assert recognised.believed_seconds == pytest.approx(BELIEVED_SECONDS - 0.5)
    monkeypatch.undo()
    monkeypatch.setattr(key_cache, "time", clock)
    await revoke(database, store, key)
    with pytest.raises(Unauthenticated, match="the API key was revoked"):
        await token_of(cache, key)


async def test_a_database_that_is_away_is_no_reason_to_believe_a_key_longer(
    cache: KeyCache, database: MemoryDatabase, clock: SimpleNamespace, key: str
) -> None:
    token = await token_of(cache, key)
    with database.failing(psycopg.OperationalError("gone")):
        assert await token_of(cache, key) == token
        clock.now = REMEMBERED_SECONDS
        with pytest.raises(psycopg.OperationalError):
            await token_of(cache, key)
    assert await token_of(cache, key) == token
    assert cache._checking == {}


async def test_nothing_of_a_key_outlives_the_key(
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
    before = await cache.recognise(key)
    cache.forget(key_id)
    ends = moment + timedelta(milliseconds=500)
    async with database.transaction() as connection:
        await store.replace(connection, key_id, "", ends)
    last = await cache.recognise(key)
    assert last.believed_seconds == pytest.approx(0.5)
    claims = jwt.decode(last.token, options={"verify_signature": False})
    assert claims["exp"] == math.ceil(ends.timestamp())
    assert last.token != before.token
    moment = ends
    with pytest.raises(Unauthenticated, match=r"the API key expired at 20\d\d-.* UTC; create another"):
        await cache.recognise(key)


async def test_a_key_that_was_rotated_says_to_which_when_it_has_expired(
    cache: KeyCache, database: MemoryDatabase, store: MemoryAuthStore, key: str
) -> None:
    key_id, _ = await key_id_of(database, store, key)
    async with database.transaction() as connection:
        await store.replace(connection, key_id, "key_new", now())
    with pytest.raises(Unauthenticated, match=r"the API key expired at .* UTC; use key_new, to which it was rotated"):
        await cache.recognise(key)


async def test_a_key_that_is_good_is_noted_as_used_and_another_is_not(
    cache: KeyCache, uses: KeyUses, database: MemoryDatabase, store: MemoryAuthStore, auth: Auth, key: str
) -> None:
    _, revoked = await auth.register("Bob", "bob@example.org")
    await revoke(database, store, revoked)
    began = now()
    await cache.recognise(key)
    with pytest.raises(Unauthenticated):
        await cache.recognise(revoked)
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


async def test_what_is_not_written_yet_is_written_at_the_end(
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


async def test_what_is_remembered_is_bounded(cache: KeyCache, auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
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
            await cache.recognise(unknown)
    assert database.lookups == 1
    clock.now += UNKNOWN_SECONDS
    with pytest.raises(Unauthenticated, match="unknown"):
        await cache.recognise(unknown)
    assert database.lookups == 2


async def test_a_key_that_was_unknown_works_as_soon_as_it_is_created(
    database: MemoryDatabase, store: MemoryAuthStore, cache: KeyCache
) -> None:
    """Repeating a registration derives the same key again, so that a key may be asked about before it is there."""
    auth = Auth(database, store, Pages("a secret"), "a secret", registrations(store), cache.expect)
    drawn = domain.new_key()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain, "new_key", lambda: drawn)
        with pytest.raises(Unauthenticated):
            await cache.recognise(drawn)
        _, key = await auth.register("Ada", "ada@example.org")
    assert key == drawn
    assert (await cache.recognise(key)).token


async def test_what_is_remembered_of_unknown_keys_is_bounded(
    cache: KeyCache, database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_cache, "MAX_CACHED_KEYS", 3)
    first = domain.new_key()
    for key in (first, *(domain.new_key() for _ in range(3)), first):
        with pytest.raises(Unauthenticated):
            await cache.recognise(key)
    assert database.lookups == 5
