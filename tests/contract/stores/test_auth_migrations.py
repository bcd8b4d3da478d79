"""API keys of earlier releases can do as much as before."""

from pathlib import Path

from services.auth.store import SqlStore
from services.runtime.identity import SCOPES
from tests.contract.stores.earlier_release import upgraded

EARLIER = SCOPES[:-1]
ROWS = f"""
INSERT INTO developers (id, name, email, created_at) VALUES ('dev_a', 'Ada', 'ada@example.org', now());
INSERT INTO api_keys (id, developer_id, name, prefix, key_hash, scopes, created_at)
  VALUES ('key_full', 'dev_a', '', 'kc_1', 'a', ARRAY{list(EARLIER)}, now()),
    ('key_read', 'dev_a', '', 'kc_2', 'b', ARRAY['evaluations:read'], now());
"""


async def test_only_keys_with_every_scope_get_the_scope_for_writing_evaluations(
    postgres_url: str, tmp_path: Path
) -> None:
    database = await upgraded("auth", postgres_url, tmp_path, "old_keys", "evaluations_write", ROWS)
    async with database.reading() as connection:
        keys = await SqlStore().list_api_keys(connection, "dev_a", after=None, limit=10)
    assert {key.id: key.scopes for key in keys} == {"key_full": SCOPES, "key_read": ("evaluations:read",)}
    await database.close()
