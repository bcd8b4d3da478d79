"""Voter sessions: how they are created, used and refused."""

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


def test_a_session_can_be_read_from_its_token(tokens: VoterTokens) -> None:
    session = tokens.new()
    assert re.fullmatch(r"vt_[\w-]{64}", session.token)
    assert re.fullmatch(r"usr_[0-9a-f]{32}", session.id)
    assert timedelta(days=SESSION_DAYS, seconds=-2) < session.expires_at - now() <= timedelta(days=SESSION_DAYS)
    assert tokens.session(session.token) == session
    assert tokens.new().id != session.id


def test_the_session_of_a_developers_key_names_the_developer(
    tokens: VoterTokens, cache: VoterCache, issuer: TokenIssuer
) -> None:
    session = tokens.new("dev_" + "a1" * 16)
    assert re.fullmatch(r"vt_[\w-]{86}", session.token)
    assert session.invited_by == "dev_" + "a1" * 16
    assert tokens.session(session.token) == session
    assert claims_of(cache.authenticate(session.token, HERE).token, issuer)["invited_by"] == "dev_" + "a1" * 16
    without_key = cache.authenticate(tokens.new().token, HERE).token
    assert "invited_by" not in claims_of(without_key, issuer)


@pytest.mark.parametrize("change", [str.lower, lambda t: t[:-1], lambda t: t + "A", lambda t: "vt_", lambda t: "vt_é"])
def test_a_changed_token_is_refused(tokens: VoterTokens, change: object) -> None:
    token = tokens.new().token
    with pytest.raises(Unauthenticated, match="voter session token is incomplete or was changed"):
        tokens.session(change(token))  # type: ignore[operator]


def test_a_token_of_another_installation_is_refused(tokens: VoterTokens) -> None:
    with pytest.raises(Unauthenticated, match="voter session token is incomplete or was changed"):
        tokens.session(VoterTokens("another secret").new().token)


def test_an_ended_session_is_refused(tokens: VoterTokens, cache: VoterCache, monkeypatch: pytest.MonkeyPatch) -> None:
    session = tokens.new()
    cache.authenticate(session.token, HERE)
    move_clock(monkeypatch, days=SESSION_DAYS)
    with pytest.raises(
        Unauthenticated, match=r"The voter session ended at .*\. Create a new one with POST /api/v1/voters"
    ):
        cache.authenticate(session.token, HERE)


def test_a_session_is_exchanged_for_an_identity_token_for_voters_only(
    tokens: VoterTokens, cache: VoterCache, issuer: TokenIssuer
) -> None:
    session = tokens.new()
    token = cache.authenticate(session.token, HERE).token
    claims = claims_of(token, issuer)
    assert claims["sub"] == session.id
    assert "scope" not in claims
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, issuer._private.public_key(), algorithms=["EdDSA"], audience="voicearena")


@pytest.mark.parametrize("seconds", [61, -61])
def test_the_identity_token_is_reused_for_a_minute(
    seconds: float, tokens: VoterTokens, cache: VoterCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.new().token
    first = cache.authenticate(token, HERE)
    assert cache.authenticate(token, HERE).token == first.token
    move_clock(monkeypatch, seconds=seconds)
    assert cache.authenticate(token, HERE).token != first.token


def test_the_calls_of_voters_are_counted_by_address(tokens: VoterTokens, cache: VoterCache) -> None:
    one, other = tokens.new().token, tokens.new().token
    assert cache.authenticate(one, HERE).key_id == cache.authenticate(other, HERE).key_id
    assert cache.authenticate(one, HERE).key_id != cache.authenticate(one, THERE).key_id
    assert HERE not in cache.authenticate(one, HERE).key_id


async def test_the_sessions_of_an_address_within_a_day_are_limited(
    database: MemoryDatabase, store: MemoryAuthStore, tokens: VoterTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = AddressCounts(store, AddressHash(SECRET, "voter sessions"), "voter sessions", limit=2)
    sessions = Voters(database, tokens, counts)
    for address in (HERE, THERE):
        call_from(address)
        for _ in range(2):
            await sessions.create()
        with pytest.raises(QuotaExceeded, match="Your address has made 2 voter sessions within 24 hours") as refused:
            await sessions.create()
        assert refused.value.metadata == {"limit": "2"}
    move_clock(monkeypatch, hours=25)
    await sessions.create()


async def test_a_developer_who_creates_a_session_invites_its_voter(
    database: MemoryDatabase, store: MemoryAuthStore, tokens: VoterTokens
) -> None:
    counts = AddressCounts(store, AddressHash(SECRET, "voter sessions"), "voter sessions", limit=9)
    developer = Identity("dev_" + "b2" * 16, frozenset())
    for caller, invited_by in ((Caller(developer, ""), developer.developer_id), (Caller(None, "", Voter("usr_1")), "")):
        set_caller(caller)
        assert (await Voters(database, tokens, counts).create()).invited_by == invited_by
    set_caller(None)
    assert (await Voters(database, tokens, counts).create()).invited_by == ""


async def test_a_call_that_bypasses_the_gateway_is_not_counted(
    database: MemoryDatabase, store: MemoryAuthStore, tokens: VoterTokens
) -> None:
    counts = AddressCounts(store, AddressHash(SECRET, "voter sessions"), "voter sessions", limit=1)
    sessions = Voters(database, tokens, counts)
    assert len({(await sessions.create()).id for _ in range(3)}) == 3
