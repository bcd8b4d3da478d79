"""A registration with a request id can be repeated by its caller, and by nobody else."""

from datetime import timedelta

import pytest
from voicearena.auth.v1.auth_service_pb2 import RegisterDeveloperRequest

from services.auth import address_counts, domain, usecases
from services.auth.domain import Developer
from services.auth.usecases import Auth
from services.runtime.client_address import CLIENT_ADDRESS_HEADER
from services.runtime.clock import now
from services.runtime.errors import AlreadyExists, InvalidInput, QuotaExceeded, RequestIdReused
from services.runtime.identity import SCOPES, Caller, Identity, set_caller
from services.runtime.pages import Pages
from services.runtime.request_ids import set_request
from services.runtime.rpc import call_metadata
from tests.fakes.memory_auth_store import MemoryAuthStore
from tests.fakes.memory_database import MemoryDatabase
from tests.unit.auth.conftest import registrations

REQUEST = "6f1c7a52-9f0e-4f0e-8f55-2f9a4f2c7b11"


async def register(auth: Auth, request_id: str = REQUEST, **changed: str) -> tuple[Developer, str]:
    request = {"name": "Ada", "email": "ada@example.org", "request_id": request_id, **changed}
    set_request(RegisterDeveloperRequest(**request))
    return await auth.register(**request)


async def test_the_same_request_returns_the_same_developer_and_key(auth: Auth) -> None:
    developer, key = await register(auth)
    assert await register(auth) == (developer, key)
    assert domain.is_well_formed(key)


@pytest.mark.parametrize("request_id", ["", REQUEST[:-1] + "2"])
async def test_a_different_request_for_the_same_address_is_refused(auth: Auth, request_id: str) -> None:
    await register(auth)
    with pytest.raises(AlreadyExists, match="email: a developer with this address is already registered"):
        await register(auth, request_id)


@pytest.mark.parametrize("changed", [{"name": "Eve"}, {"email": "ADA@example.org"}, {"email": "eve@example.org"}])
async def test_the_request_id_of_a_different_request_is_refused(auth: Auth, changed: dict[str, str]) -> None:
    await register(auth)
    with pytest.raises(RequestIdReused):
        await register(auth, **changed)


async def test_a_registration_can_not_be_repeated_after_ten_minutes(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(auth)
    later = now() + timedelta(minutes=10, seconds=1)
    monkeypatch.setattr(usecases, "now", lambda: later)
    with pytest.raises(AlreadyExists):
        await register(auth)


async def test_a_revoked_key_is_not_shown_again(auth: Auth) -> None:
    developer, _ = await register(auth)
    set_caller(Caller(Identity(developer.id, frozenset(SCOPES), ""), "a token"))
    try:
        (first,), _ = await auth.list_api_keys(0, "")
        await auth.revoke_api_key(first.id)
    finally:
        set_caller(None)
    with pytest.raises(AlreadyExists):
        await register(auth)


async def test_the_first_key_depends_on_the_secret_the_request_id_and_the_address(
    auth: Auth, database: MemoryDatabase, store: MemoryAuthStore
) -> None:
    other_store = MemoryAuthStore()
    other = Auth(MemoryDatabase("auth"), other_store, Pages("a secret"), "another secret", registrations(other_store))
    keys = {
        (await register(auth))[1],
        (await register(other))[1],
        (await register(auth, REQUEST + "0", email="bob@example.org"))[1],
        domain.key_of_registration(auth._secret, REQUEST, "bob@example.org"),
    }
    assert len(keys) == 4


@pytest.mark.parametrize("request_id", ["1", "x" * 15, "x" * 101, " " * 20])
async def test_a_request_id_that_could_be_guessed_is_refused(auth: Auth, request_id: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await register(auth, request_id)
    assert [violation.field for violation in refused.value.violations] == ["request_id"]


def call_from(address: str) -> None:
    call_metadata.set(((CLIENT_ADDRESS_HEADER, address),))


async def test_the_registrations_of_an_address_within_a_day_are_limited(
    database: MemoryDatabase, store: MemoryAuthStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = Auth(database, store, Pages("a secret"), "a secret", registrations(store, limit=3))
    call_from("203.0.113.7")
    await auth.register("Ada", "ada@example.org")
    await register(auth, email="bob@example.org")
    # A repeated registration does not count. An attempt with an e-mail address in use does.
    await register(auth, email="bob@example.org")
    with pytest.raises(AlreadyExists):
        await auth.register("Eve", "ada@example.org")
    for email in ("eve@example.org", "ada@example.org"):
        with pytest.raises(QuotaExceeded, match="Your address has made 3 registrations within 24 hours") as refused:
            await auth.register("Eve", email)
        assert refused.value.metadata == {"limit": "3"}
    call_from("203.0.113.8")
    await auth.register("Eve", "eve@example.org")
    call_from("203.0.113.7")
    later = now() + timedelta(hours=25)
    monkeypatch.setattr(address_counts, "now", lambda: later)
    await auth.register("Eve", "eve2@example.org")
