"""Runs a service's migrations with Alembic, under a lock, so that many processes can start at the same time:
`python -m services.runtime.migration SCHEMA FOLDER`, with the URL of the database on the standard input.
"""

import sys
from pathlib import Path

import sqlalchemy as sa
from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError

from services.runtime.migrating import CONNECT_TIMEOUT_SECONDS, DISCONNECTED_STATUS


def upgrade(url: URL, schema: str, folder: Path) -> None:
    """Creates the schema if it is missing, and runs the missing migrations of `folder`/versions. Blocks."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        poolclass=sa.NullPool,
        connect_args={"options": f"-csearch_path={schema}", "connect_timeout": CONNECT_TIMEOUT_SECONDS},
    )
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:s))"), {"s": f"voicearena migrations {schema}"})
        connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes.update(connection=connection, schema=schema)
        command.upgrade(config, "head")


def run() -> None:
    """Runs the migrations on the connection of `upgrade`. Each service's migrations/env.py calls it."""
    attributes = context.config.attributes
    context.configure(connection=attributes["connection"], version_table_schema=attributes["schema"])
    # In the transaction of `upgrade`, which holds the lock.
    context.run_migrations()


def create_messaging_tables(schema: str) -> None:
    """Creates the tables `outbox` and `processed_events`. Each service's first migration calls it."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("published_at", sa.DateTime(timezone=True)),
    )
    op.create_index("outbox_unpublished", "outbox", ["seq"], postgresql_where=sa.text("published_at IS NULL"))
    op.create_index("outbox_published", "outbox", ["published_at"])
    op.create_table(
        "processed_events",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_index("processed_events_at", "processed_events", ["processed_at"])
    # This wakes the outbox relay.
    op.execute(
        f"""
        CREATE FUNCTION outbox_notify() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_notify('{schema}_outbox', ''); RETURN NULL; END $$
        """
    )
    op.execute(
        "CREATE TRIGGER outbox_inserted AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify()"
    )


def main(schema: str, folder: str) -> int:
    """Migrates a schema and returns the exit status."""
    try:
        upgrade(make_url(sys.stdin.read()), schema, Path(folder))
    except (OperationalError, InterfaceError):
        return DISCONNECTED_STATUS
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
