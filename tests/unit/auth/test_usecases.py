"""The use cases for developers and their API keys."""

from collections.abc import Iterator

import email_validator
import pytest
from voicearena.auth.v1.events_pb2 import ApiKeyRevoked

from services.auth import domain
from services.auth.tokens import TokenIssuer
from services.auth.usecases import Auth
from services.runtime.errors import (
    AlreadyExists,
    InvalidInput,
    NotFound,
    QuotaExceeded,
    Unauthenticated,
)
from services.runtime.identity import SCOPES, Caller, Identity, set_caller
from tests.fakes.memory_database import MemoryDatabase

UNKNOWN_KEY = "key_" + "0" * 32


def call_as(developer_id: str, key: domain.ApiKey | None = None) -> None:
    scopes = frozenset(key.scopes) if key else frozenset(SCOPES)
    set_caller(Caller(Identity(developer_id, scopes, key.id if key else ""), "a token"))


@pytest.fixture(autouse=True)
def no_caller_afterwards() -> Iterator[None]:
    yield
    set_caller(None)


@pytest.fixture
async def ada(auth: Auth) -> domain.Developer:
    """A registered developer, who is the caller."""
    developer, _ = await auth.register("Ada", "ada@example.org")
    call_as(developer.id)
    (first,), _ = await auth.list_api_keys(0, "")
    call_as(developer.id, first)
    return developer


def fields(error: InvalidInput) -> list[str]:
    return [violation.field for violation in error.violations]


async def test_a_developer_is_registered_with_a_first_key(auth: Auth) -> None:
    developer, key = await auth.register("  Ada Lovelace ", "Ada@EXAMPLE.org")
    assert (developer.name, developer.email) == ("Ada Lovelace", "Ada@example.org")
    assert domain.is_well_formed(key)
    call_as(developer.id)
    assert await auth.current_developer() == developer
    (first,), token = await auth.list_api_keys(0, "")
    assert (first.name, first.prefix, first.key_hash) == ("first key", key[:11], domain.hash_key(key))
    assert token == ""


async def test_an_e_mail_address_can_be_registered_once(auth: Auth) -> None:
    await auth.register("Ada", "ada@example.org")
    with pytest.raises(AlreadyExists, match="email: ") as raised:
        await auth.register("Another", "ADA@example.org")
    assert raised.value.metadata == {"field": "email"}


@pytest.mark.parametrize(
    ("name", "email", "faulty"),
    [
        ("", "ada@example.org", ["name"]),
        (" ", "ada@example.org", ["name"]),
        ("a" * 201, "ada@example.org", ["name"]),
        ("Ada", "", ["email"]),
        ("Ada", "ada", ["email"]),
        ("Ada", "ada@", ["email"]),
        ("Ada", "a da@example.org", ["email"]),
        ("Ada", "a" * 251 + "@b.c", ["email"]),
        ("", "ada", ["name", "email"]),
    ],
)
async def test_an_invalid_registration_names_the_fields_and_stores_nothing(
    auth: Auth, database: MemoryDatabase, name: str, email: str, faulty: list[str]
) -> None:
    with pytest.raises(InvalidInput) as raised:
        await auth.register(name, email)
    assert fields(raised.value) == faulty
    assert database._tables == {}


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        ("ada@intranet", "ada@intranet"),
        ("ada@local", "ada@local"),
        ("Ada@Box.LocalHost", "Ada@box.localhost"),
        ("ada@test", "ada@test"),
        ("ada@box.test", "ada@box.test"),
        ("ada@test.local", "ada@test.local"),
        ("ada@mylocal", "ada@mylocal"),
        ("ada@b\u00fcro.local", "ada@b\u00fcro.local"),
    ],
)
async def test_an_address_of_a_private_network_can_be_registered(auth: Auth, email: str, kept: str) -> None:
    developer, _ = await auth.register("Ada", email)
    assert developer.email == kept


@pytest.mark.parametrize("email", ["ada@invalid", "ada@x.onion", "@local", "ada@-x.local"])
async def test_other_special_domains_and_malformed_local_addresses_are_refused(auth: Auth, email: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        await auth.register("Ada", email)
    assert fields(raised.value) == ["email"]


def test_the_library_s_list_of_special_domains_is_unchanged() -> None:
    assert {"local", "localhost", "test"} <= set(email_validator.SPECIAL_USE_DOMAIN_NAMES)


async def test_a_token_of_a_developer_who_does_not_exist_is_refused(auth: Auth) -> None:
    call_as("dev_gone")
    with pytest.raises(Unauthenticated, match="no longer exists"):
        await auth.current_developer()


async def test_keys_can_be_created_up_to_the_limit_and_again_after_one_is_revoked(
    auth: Auth, ada: domain.Developer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "MAX_KEYS", 2)
    second, key = await auth.create_api_key(" ci ")
    assert (second.name, second.prefix) == ("ci", key[:11])
    with pytest.raises(QuotaExceeded, match="You already have 2 valid API keys, which is the limit") as refused:
        await auth.create_api_key("third")
    assert refused.value.metadata == {"limit": "2"}
    await auth.revoke_api_key(second.id)
    await auth.create_api_key("third")


@pytest.mark.parametrize("name", ["", "\t", "a" * 101])
async def test_an_invalid_name_of_a_key_is_refused(auth: Auth, ada: domain.Developer, name: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        await auth.create_api_key(name)
    assert fields(raised.value) == ["name"]


async def test_keys_are_listed_page_by_page_newest_first(auth: Auth, ada: domain.Developer) -> None:
    made = [(await auth.create_api_key(f"key {number}"))[0].id for number in range(4)]
    pages, token = [], ""
    while True:
        keys, token = await auth.list_api_keys(2, token)
        pages.append([key.id for key in keys])
        if not token:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [key_id for page in pages for key_id in page][:4] == made[::-1]


async def test_the_page_token_of_another_developer_is_refused(auth: Auth, ada: domain.Developer) -> None:
    await auth.create_api_key("second")
    _, token = await auth.list_api_keys(1, "")
    call_as("dev_b")
    with pytest.raises(InvalidInput, match="page_token"):
        await auth.list_api_keys(1, token)


async def test_revoking_a_key_twice_publishes_one_event(
    auth: Auth, database: MemoryDatabase, ada: domain.Developer
) -> None:
    key, _ = await auth.create_api_key("ci")
    revoked = await auth.revoke_api_key(key.id)
    assert revoked.revoked_at is not None
    assert await auth.revoke_api_key(key.id) == revoked
    assert database.published() == [ApiKeyRevoked(api_key_id=key.id, developer_id=ada.id)]


async def test_another_developers_key_can_not_be_revoked(
    auth: Auth, database: MemoryDatabase, ada: domain.Developer
) -> None:
    key, _ = await auth.create_api_key("ci")
    call_as("dev_b")
    with pytest.raises(NotFound):
        await auth.revoke_api_key(key.id)
    assert database.published() == []
    call_as(ada.id)
    assert [k.revoked_at for k in (await auth.list_api_keys(0, ""))[0]] == [None, None]


@pytest.mark.parametrize(("key_id", "error"), [(UNKNOWN_KEY, NotFound), ("key_1", InvalidInput), ("", InvalidInput)])
async def test_revoking_an_unknown_or_malformed_id_is_refused(
    auth: Auth, ada: domain.Developer, key_id: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await auth.revoke_api_key(key_id)


async def test_a_signing_key_is_listed_after_it_is_announced(auth: Auth, issuer: TokenIssuer) -> None:
    assert await auth.signing_keys() == []
    await issuer.announce()
    await issuer.announce()
    assert await auth.signing_keys() == [(issuer.key_id, issuer.public_key)]
