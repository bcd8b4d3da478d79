"""Adds the share of a provider's slots that tts last sent, for the time while other requesters wait there."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Adds the columns. Without a share, all slots can be used."""
    op.add_column("providers", sa.Column("share", sa.Integer))
    op.add_column("providers", sa.Column("shared_until", sa.DateTime(timezone=True)))
