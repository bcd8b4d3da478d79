"""Adds an index over the experiments that have not ended. Creating an experiment counts them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Creates the index."""
    op.create_index(
        "experiments_unfinished",
        "experiments",
        ["developer_id"],
        postgresql_where=sa.text("status IN ('created', 'running')"),
    )
