"""What a service does to have listening tests: it calls one function."""

from alembic import op

from services.shared.listening.migration import create_listening_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables of the subjects and of listening."""
    op.execute("CREATE TABLE subjects (id text PRIMARY KEY, received integer NOT NULL, ends integer NOT NULL)")
    op.execute("CREATE TABLE ended_invitations (id text PRIMARY KEY)")
    create_listening_tables()
