"""Adds the counts of calls by address and hour."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "address_counts",
        sa.Column("what", sa.Text, primary_key=True),
        # A keyed hash; no address is stored.
        sa.Column("address", sa.LargeBinary, primary_key=True),
        sa.Column("hour", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_index("address_counts_hour", "address_counts", ["hour"])
