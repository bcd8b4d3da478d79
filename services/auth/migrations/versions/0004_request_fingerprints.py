"""Adds fingerprints of requests, so that a different request with the same request id is refused."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the columns. Earlier requests have no fingerprint and are not compared."""
    op.add_column("api_keys", sa.Column("request_fingerprint", sa.LargeBinary))
    # A hash of the request id. The id itself is not stored, because with it one can get the first key for a while.
    op.add_column("developers", sa.Column("registration", sa.LargeBinary))
    op.add_column("developers", sa.Column("registration_fingerprint", sa.LargeBinary))
    op.create_unique_constraint("developers_registration", "developers", ["registration"])
