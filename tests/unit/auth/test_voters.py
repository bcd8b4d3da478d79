"""Anonymous sessions: who can make one, what it becomes, and when it is refused."""

import re
from collections.abc import Iterator
from datetime import timedelta

import jwt
import pytest

from services.auth import address_counts, voters
from services.auth import tokens as tokens_module
from services.auth.address_counts import AddressCounts
from services.auth.tokens import TokenIssuer
from services.auth.voters import SESSION_DAYS, VoterCache, Voters, VoterTokens
from services.runtime.client_address import CLIENT_ADDRESS_HEADER, AddressHash
from services.runtime.clock import now
from services.runtime.errors import QuotaExceeded, Unauthenticated
from services.runtime.rpc import call_metadata
from tests.fakes.memory_auth_store import MemoryAuthStore
from tests.fakes.memory_database import MemoryDatabase

SECRET = "the secret of this installation"
HERE, THERE = "203.0.113.7", "203.0.113.8"


@pytest.fixture(autouse=True)
def _a_call_of_its_own() -> Iterator[None]:
    token = call_metadata.set(())
    yield
    call_metadata.reset(token)


@pytest.fixture
def tokens() -> VoterTokens:
    return VoterTokens(SECRET)


@pytest.fixture
def cache(tokens: VoterTokens, issuer: TokenIssuer) -> VoterCache:
    return VoterCache(tokens, issuer, AddressHash(SECRET, "voter sessions"))


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


def test_a_session_is_read_back(tokens: VoterTokens) -> None:
    session = tokens.new()
    assert re.fullmatch(r"vt_[\w-]{64}", session.token)
    assert re.fullmatch(r"usr_[0-9a-f]{32}", session.id)
    assert timedelta(days=SESSION_DAYS, seconds=-2) < session.expires_at - now() <= timedelta(days=SESSION_DAYS)
    assert tokens.session(session.token) == session
    assert tokens.new().id != session.id


@pytest.mark.parametrize("spoil", [str.lower, lambda t: t[:-1], lambda t: t + "A", lambda t: "vt_", lambda t: "vt_é"])
def test_a_changed_token_is_refused(tokens: VoterTokens, spoil: object) -> None:
    token = tokens.new().token
    with pytest.raises(Unauthenticated, match="not a whole voter session"):
        tokens.session(spoil(token))  # type: ignore[operator]


def test_a_token_of_another_installation_is_refused(tokens: VoterTokens) -> None:
    with pytest.raises(Unauthenticated, match="not a whole voter session"):
        tokens.session(VoterTokens("another secret").new().token)


def test_a_session_ends(tokens: VoterTokens, cache: VoterCache, monkeypatch: pytest.MonkeyPatch) -> None:
    session = tokens.new()
    cache.recognise(session.token, HERE)
    move_clock(monkeypatch, days=SESSION_DAYS)
    with pytest.raises(Unauthenticated, match=r"the voter session ended at .*: make another with POST /api/v1/voters"):
        cache.recognise(session.token, HERE)


def test_a_session_becomes_an_identity_token_for_voters_only(
    tokens: VoterTokens, cache: VoterCache, issuer: TokenIssuer
) -> None:
    session = tokens.new()
    token = cache.recognise(session.token, HERE).token
    claims = claims_of(token, issuer)
    assert claims["sub"] == session.id
    assert "scope" not in claims
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, issuer._private.public_key(), algorithms=["EdDSA"], audience="voicearena")


@pytest.mark.parametrize("seconds", [61, -61])
def test_the_identity_token_is_kept_for_a_minute_of_any_clock(
    seconds: float, tokens: VoterTokens, cache: VoterCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.new().token
    first = cache.recognise(token, HERE)
    assert cache.recognise(token, HERE).token == first.token
    move_clock(monkeypatch, seconds=seconds)
    assert cache.recognise(token, HERE).token != first.token


def test_calls_of_sessions_count_by_address(tokens: VoterTokens, cache: VoterCache) -> None:
    one, other = tokens.new().token, tokens.new().token
    assert cache.recognise(one, HERE).key_id == cache.recognise(other, HERE).key_id
    assert cache.recognise(one, HERE).key_id != cache.recognise(one, THERE).key_id
    assert HERE not in cache.recognise(one, HERE).key_id


async def test_an_address_makes_so_many_sessions_a_day(
    database: MemoryDatabase, store: MemoryAuthStore, tokens: VoterTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = AddressCounts(store, AddressHash(SECRET, "voter sessions"), "voter sessions", limit=2)
    made = Voters(database, tokens, counts)
    for address in (HERE, THERE):
        call_from(address)
        for _ in range(2):
            await made.create()
        with pytest.raises(QuotaExceeded, match="2 voter sessions were made from your address") as refused:
            await made.create()
        assert refused.value.metadata == {"limit": "2"}
    move_clock(monkeypatch, hours=25)
    await made.create()


async def test_a_call_past_the_gateway_is_not_counted(
    database: MemoryDatabase, store: MemoryAuthStore, tokens: VoterTokens
) -> None:
    counts = AddressCounts(store, AddressHash(SECRET, "voter sessions"), "voter sessions", limit=1)
    made = Voters(database, tokens, counts)
    assert len({(await made.create()).id for _ in range(3)}) == 3
