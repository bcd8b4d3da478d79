"""The suite for the stores of the auth service."""

import asyncio
import dataclasses
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from services.auth.domain import ApiKey, Developer
from services.auth.store import SqlStore, Store
from services.runtime import ids
from services.runtime.db import Database
from services.runtime.identity import SCOPES
from services.runtime.request_ids import EarlierRequest
from tests.fakes.memory_auth_store import MemoryAuthStore
from tests.fakes.memory_database import MemoryDatabase

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADA = Developer("dev_a", "Ada", "Ada@example.org", NOON)
BOB = Developer("dev_b", "Bob", "bob@example.org", NOON)


@pytest.fixture
def service() -> str:
    return "auth"


@pytest.fixture
def store(database: Database) -> Store:
    return MemoryAuthStore() if isinstance(database, MemoryDatabase) else SqlStore()


@pytest.fixture
async def registered(database: Database, store: Store) -> None:
    async with database.transaction() as connection:
        assert await store.add_developer(connection, ADA)
        assert await store.add_developer(connection, BOB)


def key_of(developer: Developer, *, minutes: int = 0, id_: str = "") -> ApiKey:
    id_ = id_ or ids.new_id("key")
    return ApiKey(id_, developer.id, "a key", "kc_12345678", id_.encode(), NOON + minutes * MINUTE, SCOPES)


async def test_a_developer_is_found_by_id(database: Database, store: Store, registered: None) -> None:
    async with database.reading() as connection:
        assert await store.get_developer(connection, ADA.id) == ADA
        assert await store.get_developer(connection, "dev_c") is None


async def test_an_email_address_is_unique_in_any_spelling(database: Database, store: Store, registered: None) -> None:
    async with database.transaction() as connection:
        assert not await store.add_developer(connection, Developer("dev_c", "Ada again", "aDA@EXAMPLE.org", NOON))
    async with database.reading() as connection:
        assert await store.get_developer(connection, "dev_c") is None


async def test_a_failed_transaction_is_rolled_back(database: Database, store: Store) -> None:
    with suppress(ZeroDivisionError):
        async with database.transaction() as connection:
            await store.add_developer(connection, ADA)
            raise ZeroDivisionError
    async with database.reading() as connection:
        assert await store.get_developer(connection, ADA.id) is None


async def test_a_key_is_found_by_its_hash_and_by_its_owner(database: Database, store: Store, registered: None) -> None:
    key = key_of(ADA)
    async with database.transaction() as connection:
        await store.lock_developer(connection, ADA.id)
        await store.add_api_key(connection, key)
    async with database.reading() as connection:
        assert await store.find_key(connection, key.key_hash) == key
        assert await store.find_key(connection, b"another") is None
        assert await store.get_api_key(connection, ADA.id, key.id) == key
        assert await store.get_api_key(connection, BOB.id, key.id) is None


async def test_a_key_is_revoked_once_and_only_by_its_owner(database: Database, store: Store, registered: None) -> None:
    key, kept = key_of(ADA), key_of(ADA)
    async with database.transaction() as connection:
        await store.add_api_key(connection, key)
        await store.add_api_key(connection, kept)
        assert not await store.revoke(connection, BOB.id, key.id, NOON)
        assert await store.count_valid_keys(connection, ADA.id, NOON) == 2
        assert await store.revoke(connection, ADA.id, key.id, NOON + MINUTE)
        assert not await store.revoke(connection, ADA.id, key.id, NOON + 2 * MINUTE)
        assert await store.count_valid_keys(connection, ADA.id, NOON) == 1
        assert await store.count_valid_keys(connection, BOB.id, NOON) == 0
    async with database.reading() as connection:
        found = await store.find_key(connection, key.key_hash)
        assert found == dataclasses.replace(key, revoked_at=NOON + MINUTE)


async def test_a_key_keeps_its_scopes_and_is_valid_until_it_expires(
    database: Database, store: Store, registered: None
) -> None:
    key = dataclasses.replace(key_of(ADA), scopes=("models:read", "speech"), expires_at=NOON + MINUTE)
    async with database.transaction() as connection:
        await store.add_api_key(connection, key)
        await store.add_api_key(connection, key_of(ADA))
        assert await store.count_valid_keys(connection, ADA.id, NOON) == 2
        assert await store.count_valid_keys(connection, ADA.id, NOON + MINUTE) == 1
        assert await store.find_key(connection, key.key_hash) == key


async def test_a_key_is_found_by_the_request_that_created_it(
    database: Database, store: Store, registered: None
) -> None:
    key = key_of(ADA)
    async with database.transaction() as connection:
        await store.add_api_key(connection, key, "request 1", b"fingerprint")
        # Requests without an id are never equal.
        await store.add_api_key(connection, key_of(ADA))
        await store.add_api_key(connection, key_of(ADA))
        await store.add_api_key(connection, key_of(BOB), "request 1")
        assert await store.find_request(connection, ADA.id, "request 1") == EarlierRequest(
            key, b"fingerprint", key.created_at
        )
        assert await store.find_request(connection, ADA.id, "request 2") is None


async def test_a_rotated_key_names_its_successor_and_expires(
    database: Database, store: Store, registered: None
) -> None:
    key, kept = key_of(ADA), key_of(ADA)
    async with database.transaction() as connection:
        await store.add_api_key(connection, key)
        await store.add_api_key(connection, kept)
        await store.replace(connection, key.id, kept.id, NOON + MINUTE)
        found = await store.get_api_key(connection, ADA.id, key.id)
        assert found == dataclasses.replace(key, replaced_by=kept.id, expires_at=NOON + MINUTE)
        assert await store.get_api_key(connection, ADA.id, kept.id) == kept


async def test_the_latest_use_of_a_key_counts(database: Database, store: Store, registered: None) -> None:
    key, other = key_of(ADA), key_of(BOB)
    async with database.transaction() as connection:
        await store.add_api_key(connection, key)
        await store.add_api_key(connection, other)
        await store.note_uses(connection, {})
        await store.note_uses(connection, {key.id: NOON + MINUTE, other.id: NOON})
        await store.note_uses(connection, {key.id: NOON, other.id: NOON + 2 * MINUTE})
        assert await store.find_key(connection, key.key_hash) == dataclasses.replace(key, last_used_at=NOON + MINUTE)
        found = await store.find_key(connection, other.key_hash)
        assert found == dataclasses.replace(other, last_used_at=NOON + 2 * MINUTE)


async def test_keys_are_listed_newest_first_and_then_by_id(database: Database, store: Store, registered: None) -> None:
    old, new_a, new_b = key_of(ADA), key_of(ADA, minutes=1, id_="key_a"), key_of(ADA, minutes=1, id_="key_b")
    async with database.transaction() as connection:
        for key in (new_a, old, new_b, key_of(BOB, minutes=2)):
            await store.add_api_key(connection, key)
    async with database.reading() as connection:
        assert await store.list_api_keys(connection, ADA.id, None, 10) == [new_b, new_a, old]
        assert await store.list_api_keys(connection, ADA.id, None, 2) == [new_b, new_a]
        assert await store.list_api_keys(connection, ADA.id, (new_b.created_at, new_b.id), 10) == [new_a, old]
        assert await store.list_api_keys(connection, ADA.id, (old.created_at, old.id), 10) == []


async def test_signing_keys_are_listed_until_they_expire_and_can_be_extended(database: Database, store: Store) -> None:
    async with database.transaction() as connection:
        await store.save_signing_key(connection, "sig_a", b"public a", NOON + MINUTE)
        await store.save_signing_key(connection, "sig_b", b"public b", NOON + MINUTE)
        await store.save_signing_key(connection, "sig_b", b"ignored", NOON + 2 * MINUTE)
    async with database.reading() as connection:
        both = await store.list_signing_keys(connection, NOON)
        assert sorted(both) == [("sig_a", b"public a"), ("sig_b", b"public b")]
        assert await store.list_signing_keys(connection, NOON + MINUTE) == [("sig_b", b"public b")]
        assert await store.list_signing_keys(connection, NOON + 2 * MINUTE) == []


async def test_calls_are_counted_by_address_and_hour(database: Database, store: Store) -> None:
    here, there, hour = b"hash of here", b"hash of there", timedelta(hours=1)

    async def count(what: str, address: bytes, at: datetime) -> int:
        async with database.transaction() as connection:
            return await store.count_address(connection, what, address, at, at - 2 * hour)

    assert [await count("votes", here, NOON) for _ in range(3)] == [1, 2, 3]
    assert await count("votes", there, NOON) == 1
    assert await count("registrations", here, NOON) == 1
    assert await count("votes", here, NOON + hour) == 4
    # Counts that are two hours old do not matter and are deleted.
    assert await count("votes", here, NOON + 2 * hour) == 2
    assert await count("votes", here, NOON + hour) == 3


async def test_simultaneous_calls_are_all_counted(database: Database, store: Store) -> None:
    async def count() -> int:
        async with database.transaction() as connection:
            return await store.count_address(connection, "votes", b"hash", NOON, NOON - timedelta(hours=24))

    assert sorted(await asyncio.gather(*(count() for _ in range(8)))) == list(range(1, 9))


async def test_a_developer_is_found_by_the_registration_that_created_them(database: Database, store: Store) -> None:
    async with database.transaction() as connection:
        assert await store.add_developer(connection, ADA, b"hash", b"fingerprint")
        assert not await store.add_developer(connection, BOB, b"hash", b"another")
        assert await store.add_developer(connection, BOB)
        assert await store.add_developer(connection, Developer("dev_c", "Eve", "eve@example.org", NOON))
        assert await store.find_registration(connection, b"hash") == EarlierRequest(ADA, b"fingerprint", NOON)
        assert await store.find_registration(connection, b"another hash") is None
