"""Voter sessions: how they are created, used and refused."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta

import jwt
import pytest
from voicearena.auth.v1.events_pb2 import ApiKeyRevoked

from services.auth import address_counts, consumers, domain, inviting_keys, voters
from services.auth import tokens as tokens_module
from services.auth.address_counts import AddressCounts
from services.auth.domain import ApiKey
from services.auth.inviting_keys import InvitingKeys
from services.auth.key_cache import CACHE_SECONDS, LOOKUP_VALID_SECONDS, KeyCache
from services.auth.tokens import TOKEN_REUSE_SECONDS, TOKEN_SECONDS, TokenIssuer
from services.auth.usecases import Auth
from services.auth.voters import BELIEVE_SECONDS, SESSION_DAYS, VoterCache, Voters, VoterSession, VoterTokens
from services.runtime.bus import EventMetadata
from services.runtime.client_address import CLIENT_ADDRESS_HEADER, AddressHash
from services.runtime.clock import now
from services.runtime.errors import QuotaExceeded, Unauthenticated
from services.runtime.identity import Caller, Identity, Voter, set_caller
from services.runtime.rpc import call_metadata
from tests.fakes.memory_auth_store import MemoryAuthStore
from tests.fakes.memory_database import MemoryDatabase

SECRET = "the secret of this installation"
HERE, THERE = "203.0.113.7", "203.0.113.8"


@pytest.fixture(autouse=True)
def _separate_call() -> Iterator[None]:
    token = call_metadata.set(())
    yield
    call_metadata.reset(token)


@pytest.fixture
def tokens() -> VoterTokens:
    return VoterTokens(SECRET)


@pytest.fixture
def inviting(database: MemoryDatabase, store: MemoryAuthStore) -> InvitingKeys:
    return InvitingKeys(database, store)


@pytest.fixture
def cache(tokens: VoterTokens, inviting: InvitingKeys, issuer: TokenIssuer) -> VoterCache:
    return VoterCache(tokens, inviting, issuer, AddressHash(SECRET, "voter sessions"))


@pytest.fixture
async def key(database: MemoryDatabase, store: MemoryAuthStore, auth: Auth) -> ApiKey:
    """The API key of a developer who invites voters."""
    _, secret = await auth.register("Ada", "ada@example.org")
    async with database.reading() as connection:
        found = await store.find_key(connection, domain.hash_key(secret))
    assert found is not None
    return found


@pytest.fixture
def sessions(database: MemoryDatabase, store: MemoryAuthStore, tokens: VoterTokens) -> Voters:
    return Voters(database, store, tokens, AddressCounts(store, AddressHash(SECRET, "sessions"), "sessions", limit=9))


async def session_of(sessions: Voters, key: ApiKey) -> VoterSession:
    """Returns a session that an API key creates."""
    set_caller(Caller(Identity(key.developer_id, frozenset(key.scopes), key.id), ""))
    try:
        return await sessions.create()
    finally:
        set_caller(None)


async def revoke(database: MemoryDatabase, store: MemoryAuthStore, key: ApiKey) -> None:
    async with database.transaction() as connection:
        assert await store.revoke(connection, key.developer_id, key.id, now())


def call_from(address: str) -> None:
    call_metadata.set(((CLIENT_ADDRESS_HEADER, address),))


def move_clock(monkeypatch: pytest.MonkeyPatch, **ahead: float) -> None:
    later = now() + timedelta(**ahead)
    monkeypatch.setattr(voters, "now", lambda: later)
    monkeypatch.setattr(tokens_module, "now", lambda: later)
    monkeypatch.setattr(address_counts, "now", lambda: later)


def claims_of(token: str, issuer: TokenIssuer) -> dict[str, object]:
    public_key = issuer._private.public_key()
    return jwt.decode(token, public_key, algorithms=["EdDSA"], audience="voicearena.voters", issuer="voicearena.auth")


def test_a_session_can_be_read_from_its_token(tokens: VoterTokens) -> None:
    session = tokens.new()
    assert re.fullmatch(r"vt_[\w-]{64}", session.token)
    assert re.fullmatch(r"usr_[0-9a-f]{32}", session.id)
    assert timedelta(days=SESSION_DAYS, seconds=-2) < session.expires_at - now() <= timedelta(days=SESSION_DAYS)
    assert tokens.session(session.token) == session
    assert tokens.new().id != session.id


async def test_the_session_of_a_developers_key_names_the_key_and_its_identity_the_developer(
    sessions: Voters, key: ApiKey, tokens: VoterTokens, cache: VoterCache, issuer: TokenIssuer
) -> None:
    session = await session_of(sessions, key)
    assert re.fullmatch(r"vt_[\w-]{86}", session.token)
    assert session.inviting_key_id == key.id
    assert tokens.session(session.token) == session
    invited = await cache.authenticate(session.token, HERE)
    assert claims_of(invited.token, issuer)["invited_by"] == key.developer_id
    without_key = await cache.authenticate(tokens.new().token, HERE)
    assert "invited_by" not in claims_of(without_key.token, issuer)


async def test_revoking_a_key_ends_the_sessions_that_it_created_and_no_others(
    database: MemoryDatabase,
    store: MemoryAuthStore,
    sessions: Voters,
    key: ApiKey,
    auth: Auth,
    cache: VoterCache,
    inviting: InvitingKeys,
) -> None:
    set_caller(Caller(Identity(key.developer_id, frozenset(key.scopes), key.id), ""))
    other, _ = await auth.create_api_key("another")
    ends, stays, anonymous = await session_of(sessions, key), await session_of(sessions, other), await sessions.create()
    for session in (ends, stays, anonymous):
        await cache.authenticate(session.token, HERE)
    await revoke(database, store, key)
    await consumers.handlers(KeyCache(database, store, None, None), inviting)[ApiKeyRevoked](  # type: ignore[arg-type]
        ApiKeyRevoked(api_key_id=key.id, developer_id=key.developer_id), EventMetadata("evt_1", 1, now(), "")
    )
    with pytest.raises(Unauthenticated, match=r"was revoked\. Create a new session with POST /api/v1/voters"):
        await cache.authenticate(ends.token, HERE)
    for session in (stays, anonymous):
        await cache.authenticate(session.token, HERE)


async def test_without_the_event_a_session_of_a_revoked_key_ends_within_a_second(
    database: MemoryDatabase,
    store: MemoryAuthStore,
    sessions: Voters,
    key: ApiKey,
    cache: VoterCache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = await session_of(sessions, key)
    started = time.monotonic()
    monkeypatch.setattr(inviting_keys.time, "monotonic", lambda: started)
    monkeypatch.setattr(voters.time, "monotonic", lambda: started)
    assert (await cache.authenticate(session.token, HERE)).valid_seconds == pytest.approx(LOOKUP_VALID_SECONDS)
    await revoke(database, store, key)
    monkeypatch.setattr(voters.time, "monotonic", lambda: started + CACHE_SECONDS / 2)
    left = (await cache.authenticate(session.token, HERE)).valid_seconds
    assert left == pytest.approx(LOOKUP_VALID_SECONDS - CACHE_SECONDS / 2)
    monkeypatch.setattr(inviting_keys.time, "monotonic", lambda: started + 1)
    with pytest.raises(Unauthenticated, match="was revoked"):
        await cache.authenticate(session.token, HERE)


async def test_the_gateway_believes_a_session_for_a_minute_if_nobody_can_revoke_it(
    tokens: VoterTokens, cache: VoterCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = tokens.new()
    assert (await cache.authenticate(session.token, HERE)).valid_seconds == BELIEVE_SECONDS == 60
    # Services still accept the identity token at the end of that time.
    assert TOKEN_REUSE_SECONDS + BELIEVE_SECONDS < TOKEN_SECONDS
    monkeypatch.setattr(voters, "now", lambda: session.expires_at - timedelta(seconds=5))
    assert (await cache.authenticate(session.token, HERE)).valid_seconds == 5


async def test_a_session_whose_key_does_not_exist_any_more_is_refused(tokens: VoterTokens, cache: VoterCache) -> None:
    with pytest.raises(Unauthenticated, match="was revoked"):
        await cache.authenticate(tokens.new("key_" + "a1" * 16).token, HERE)


async def test_a_session_ends_with_a_key_that_expires_but_outlives_its_rotation(
    sessions: Voters, key: ApiKey, auth: Auth, cache: VoterCache
) -> None:
    set_caller(Caller(Identity(key.developer_id, frozenset(key.scopes), key.id), ""))
    expires_at = (now() + timedelta(days=2)).replace(microsecond=0)
    short, _ = await auth.create_api_key("for two days", expires_at=expires_at)
    assert (await session_of(sessions, short)).expires_at == expires_at
    session = await session_of(sessions, key)
    set_caller(Caller(Identity(key.developer_id, frozenset(key.scopes), key.id), ""))
    await auth.rotate_api_key(key.id, overlap=timedelta(0))
    await cache.authenticate(session.token, HERE)


@pytest.mark.parametrize("change", [str.lower, lambda t: t[:-1], lambda t: t + "A", lambda t: "vt_", lambda t: "vt_é"])
def test_a_changed_token_is_refused(tokens: VoterTokens, change: object) -> None:
    token = tokens.new().token
    with pytest.raises(Unauthenticated, match="voter session token is incomplete or was changed"):
        tokens.session(change(token))  # type: ignore[operator]


def test_a_token_of_another_installation_is_refused(tokens: VoterTokens) -> None:
    with pytest.raises(Unauthenticated, match="voter session token is incomplete or was changed"):
        tokens.session(VoterTokens("another secret").new().token)


async def test_an_ended_session_is_refused(
    tokens: VoterTokens, cache: VoterCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = tokens.new()
    await cache.authenticate(session.token, HERE)
    move_clock(monkeypatch, days=SESSION_DAYS)
    with pytest.raises(
        Unauthenticated, match=r"The voter session ended at .*\. Create a new one with POST /api/v1/voters"
    ):
        await cache.authenticate(session.token, HERE)


async def test_a_session_is_exchanged_for_an_identity_token_for_voters_only(
    tokens: VoterTokens, cache: VoterCache, issuer: TokenIssuer
) -> None:
    session = tokens.new()
    token = (await cache.authenticate(session.token, HERE)).token
    claims = claims_of(token, issuer)
    assert claims["sub"] == session.id
    assert "scope" not in claims
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, issuer._private.public_key(), algorithms=["EdDSA"], audience="voicearena")


@pytest.mark.parametrize("seconds", [61, -61])
async def test_the_identity_token_is_reused_for_a_minute(
    seconds: float, tokens: VoterTokens, cache: VoterCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.new().token
    first = await cache.authenticate(token, HERE)
    assert (await cache.authenticate(token, HERE)).token == first.token
    move_clock(monkeypatch, seconds=seconds)
    assert (await cache.authenticate(token, HERE)).token != first.token


async def test_the_calls_of_voters_are_counted_by_address(tokens: VoterTokens, cache: VoterCache) -> None:
    one, other = tokens.new().token, tokens.new().token
    assert (await cache.authenticate(one, HERE)).key_id == (await cache.authenticate(other, HERE)).key_id
    assert (await cache.authenticate(one, HERE)).key_id != (await cache.authenticate(one, THERE)).key_id
    assert HERE not in (await cache.authenticate(one, HERE)).key_id


async def test_the_sessions_of_an_address_within_a_day_are_limited(
    database: MemoryDatabase, store: MemoryAuthStore, tokens: VoterTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = AddressCounts(store, AddressHash(SECRET, "voter sessions"), "voter sessions", limit=2)
    sessions = Voters(database, store, tokens, counts)
    for address in (HERE, THERE):
        call_from(address)
        for _ in range(2):
            await sessions.create()
        with pytest.raises(QuotaExceeded, match="Your address has made 2 voter sessions within 24 hours") as refused:
            await sessions.create()
        assert refused.value.metadata == {"limit": "2"}
    move_clock(monkeypatch, hours=25)
    await sessions.create()


async def test_only_a_developer_who_creates_a_session_invites_its_voter(sessions: Voters) -> None:
    set_caller(Caller(None, "", Voter("usr_1")))
    assert (await sessions.create()).inviting_key_id == ""
    set_caller(None)
    assert (await sessions.create()).inviting_key_id == ""


async def test_a_call_that_bypasses_the_gateway_is_not_counted(
    database: MemoryDatabase, store: MemoryAuthStore, tokens: VoterTokens
) -> None:
    counts = AddressCounts(store, AddressHash(SECRET, "voter sessions"), "voter sessions", limit=1)
    sessions = Voters(database, store, tokens, counts)
    assert len({(await sessions.create()).id for _ in range(3)}) == 3
