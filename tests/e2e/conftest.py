"""An HTTP client for the mesh of a test: the mesh of its module, or the shared one."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from deploy.local.mesh import Mesh
from tests.experiments import api_client
from tests.mesh import Developer


@pytest_asyncio.fixture(loop_scope="session")
async def http(mesh: Mesh, developer: Developer) -> AsyncIterator[httpx.AsyncClient]:
    """The HTTP client of a new developer."""
    async with api_client(mesh, developer.api_key) as client:
        yield client
