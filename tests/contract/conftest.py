"""The clients of the API and the world of the cases."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest_asyncio
from psycopg import AsyncConnection

from deploy.local.mesh import Mesh
from tests.contract.clients import Client, bearer, http_client, open_clients
from tests.contract.leftovers import Leftovers
from tests.contract.world import World
from tests.mesh import register


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clients(mesh: Mesh) -> AsyncIterator[dict[str, Client]]:
    """A client for each protocol, by name."""
    async with AsyncExitStack() as stack:
        yield await open_clients(stack, mesh.api_url)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(mesh: Mesh, clients: dict[str, Client]) -> World:
    """The values that the cases name."""
    return await World.create(mesh, clients["grpc"])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the API."""
    async with http_client(mesh.api_url) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def leftovers(mesh: Mesh) -> AsyncIterator[Leftovers]:
    """Counts the rows in the mesh's database."""
    async with await AsyncConnection.connect(mesh.database_url, autocommit=True, connect_timeout=10) as connection:
        yield Leftovers(connection)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the key of a new developer."""
    developer = await register(mesh)
    async with httpx.AsyncClient(
        base_url=mesh.api_url, headers=bearer(developer.api_key), trust_env=False, timeout=60
    ) as client:
        yield client
