"""The effects of a consumer in the tests."""

import sqlalchemy as sa
from alembic import op

from services.runtime.migration import create_messaging_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the first tables."""
    op.create_table("effects", sa.Column("job_id", sa.Text, nullable=False))
    create_messaging_tables("probe")
