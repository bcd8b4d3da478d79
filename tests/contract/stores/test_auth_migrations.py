"""API keys of earlier releases can do as much as before."""

from pathlib import Path

import pytest

from services.auth.store import SqlStore
from services.runtime.identity import SCOPES
from tests.contract.stores.earlier_release import upgraded

READING = ("evaluations:read",)


@pytest.mark.parametrize(
    ("migration", "scope"), [("evaluations_write", "evaluations:write"), ("arena_write", "arena:write")]
)
async def test_only_keys_with_every_scope_get_a_new_scope(
    postgres_url: str, tmp_path: Path, migration: str, scope: str
) -> None:
    later = SCOPES.index(scope)
    rows = f"""
INSERT INTO developers (id, name, email, created_at) VALUES ('dev_a', 'Ada', 'ada@example.org', now());
INSERT INTO api_keys (id, developer_id, name, prefix, key_hash, scopes, created_at)
  VALUES ('key_full', 'dev_a', '', 'kc_1', 'a', ARRAY{list(SCOPES[:later])}, now()),
    ('key_read', 'dev_a', '', 'kc_2', 'b', ARRAY{list(READING)}, now());
"""
    database = await upgraded("auth", postgres_url, tmp_path, f"old_keys_{migration}", migration, rows)
    async with database.reading() as connection:
        keys = await SqlStore().list_api_keys(connection, "dev_a", after=None, limit=10)
    # Later migrations add the scopes after it.
    assert {key.id: key.scopes for key in keys} == {"key_full": SCOPES, "key_read": READING}
    await database.close()
