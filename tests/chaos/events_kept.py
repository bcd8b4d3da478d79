"""Keeps a copy of each event that experiments records, since the outbox forgets what is published."""

from __future__ import annotations

import psycopg

_KEEP = """
CREATE SCHEMA IF NOT EXISTS chaos;
CREATE TABLE IF NOT EXISTS chaos.events (subject text NOT NULL, envelope bytea NOT NULL);
CREATE OR REPLACE FUNCTION chaos.keep() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO chaos.events VALUES (NEW.subject, NEW.envelope); RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER keep AFTER INSERT ON experiments.outbox FOR EACH ROW EXECUTE FUNCTION chaos.keep();
"""


async def keep_events(database_url: str) -> None:
    """Begins to keep them, in the transaction of each, in the table `chaos.events`."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(_KEEP)
