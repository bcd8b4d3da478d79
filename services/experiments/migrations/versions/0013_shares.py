"""The share of a provider's slots that tts last told, while other requesters wait there."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Adds the columns; without a share all slots count."""
    op.add_column("providers", sa.Column("share", sa.Integer))
    op.add_column("providers", sa.Column("shared_until", sa.DateTime(timezone=True)))
