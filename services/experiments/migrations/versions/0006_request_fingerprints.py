"""Adds request fingerprints, so that a different request with the same request id is refused."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds the columns. Older requests have no fingerprint and are not compared."""
    for table in ("experiments", "listening_links", "webhook_endpoints"):
        op.add_column(table, sa.Column("request_fingerprint", sa.LargeBinary))
