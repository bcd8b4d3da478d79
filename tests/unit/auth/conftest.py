"""The auth service's use cases with stores in memory."""

import pytest

from services.auth.address_counts import AddressCounts
from services.auth.tokens import TokenIssuer
from services.auth.usecases import Auth
from services.runtime.client_address import AddressHash
from services.runtime.pages import Pages
from tests.fakes.memory_auth_store import MemoryAuthStore
from tests.fakes.memory_database import MemoryDatabase


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase("auth")


@pytest.fixture
def store() -> MemoryAuthStore:
    return MemoryAuthStore()


def registrations(store: MemoryAuthStore, limit: int = 100) -> AddressCounts:
    return AddressCounts(store, AddressHash("a secret", "registrations"), "registrations", limit)


@pytest.fixture
def auth(database: MemoryDatabase, store: MemoryAuthStore) -> Auth:
    return Auth(database, store, Pages("a secret"), "a secret", registrations(store))


@pytest.fixture
def issuer(database: MemoryDatabase, store: MemoryAuthStore) -> TokenIssuer:
    return TokenIssuer(database, store)
