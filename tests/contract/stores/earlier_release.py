"""Databases of earlier releases, for tests of migrations."""

import shutil
from pathlib import Path

from services.runtime.db import Database

SERVICES = Path(__file__).parents[3] / "services"


async def upgraded(service: str, postgres_url: str, folder: Path, schema: str, newest: str, rows: str) -> Database:
    """Inserts rows before the migration `newest`, and returns the database after all migrations."""
    versions, before = SERVICES / service / "migrations", folder / "migrations"
    shutil.copytree(versions, before)
    (first_new,) = (before / "versions").glob(f"*_{newest}.py")
    for later in (before / "versions").glob("*.py"):
        if later.name >= first_new.name:
            later.unlink()
    old = await Database.connect(postgres_url, schema, migrations=before)
    async with old.transaction() as connection:
        for statement in rows.split(";\n"):
            if statement.strip():
                await connection.exec_driver_sql(statement)
    await old.close()
    return await Database.connect(postgres_url, schema, migrations=versions)
