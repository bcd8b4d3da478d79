"""Recordings with several channels: one speaker in each channel, or all speakers in all channels."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds what the channels of a recording are. So far, each was one speaker."""
    op.add_column("evaluations", sa.Column("channels", sa.Text, nullable=False, server_default="split"))
