"""The tables of small subjects. A single call creates those of their listening tests."""

from alembic import op

from services.shared.listening.migration import create_listening_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables of the subjects and of their listening tests."""
    op.execute("CREATE TABLE subjects (id text PRIMARY KEY, received integer NOT NULL, ends integer NOT NULL)")
    op.execute("CREATE TABLE ended_invitations (id text PRIMARY KEY)")
    create_listening_tables()
