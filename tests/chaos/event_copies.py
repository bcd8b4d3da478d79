"""Keeps a copy of each event that experiments, scoring and elo record, because the outbox deletes published events."""

from __future__ import annotations

import psycopg

_CREATE_COPIES = """
CREATE SCHEMA IF NOT EXISTS chaos;
CREATE TABLE IF NOT EXISTS chaos.events (subject text NOT NULL, envelope bytea NOT NULL);
CREATE OR REPLACE FUNCTION chaos.keep() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO chaos.events VALUES (NEW.subject, NEW.envelope); RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER keep AFTER INSERT ON experiments.outbox FOR EACH ROW EXECUTE FUNCTION chaos.keep();
CREATE OR REPLACE TRIGGER keep AFTER INSERT ON scoring.outbox FOR EACH ROW EXECUTE FUNCTION chaos.keep();
CREATE OR REPLACE TRIGGER keep AFTER INSERT ON elo.outbox FOR EACH ROW EXECUTE FUNCTION chaos.keep();
"""


async def copy_events(database_url: str) -> None:
    """Adds a trigger that copies each event to the table `chaos.events`, in the same transaction."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(_CREATE_COPIES)
