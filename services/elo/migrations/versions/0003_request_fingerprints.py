"""The fingerprint of each request with a request id, so that a different request with the same id is refused."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column. Earlier requests have no fingerprint and are not compared."""
    op.add_column("voice_models", sa.Column("request_fingerprint", sa.LargeBinary))
