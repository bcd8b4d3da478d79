"""Databases of each kind, so that one suite tests both the real stores and their fakes in memory."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.runtime.db import Database
from tests.contract.stores.servers import running_postgres
from tests.fakes.memory_database import MemoryDatabase

SERVICES = Path(__file__).parents[3] / "services"


@pytest.fixture(scope="session")
async def postgres_url() -> AsyncIterator[str]:
    """Runs a PostgreSQL for this test session."""
    async with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
async def schemas(postgres_url: str) -> AsyncIterator[Mapping[str, Database]]:
    """The migrated schema of each service that has one."""
    async with AsyncExitStack() as stack:
        databases = {}
        folders = {service: SERVICES / service / "migrations" for service in ("auth", "elo", "experiments", "scoring")}
        # The minimal user of clips in `clip_users`.
        folders["lines"] = Path(__file__).parent / "lines_migrations"
        for service, folder in folders.items():
            databases[service] = await Database.connect(postgres_url, service, migrations=folder)
            stack.push_async_callback(databases[service].close)
        yield databases


@pytest.fixture
async def emptied_schema(schemas: Mapping[str, Database], service: str) -> Database:
    """The schema of the tested service, emptied."""
    database = schemas[service]
    async with database.transaction() as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = :s AND tablename <> 'alembic_version'"
        names = (await connection.execute(sa.text(query), {"s": service})).scalars()
        await connection.execute(sa.text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY"))
    return database


@pytest.fixture(params=["memory", "postgresql"])
def database(request: pytest.FixtureRequest, service: str) -> Database:
    """An empty database of the tested service, of each kind in turn."""
    if request.param == "memory":
        return MemoryDatabase(service)
    schema: Database = request.getfixturevalue("emptied_schema")
    return schema
