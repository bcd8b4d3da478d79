"""Adds the byte ranges of each clip that were sent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import INT4MULTIRANGE

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Adds a column per side for the sent byte ranges. Clips that were sent before stay sent."""
    for side in ("a", "b"):
        op.add_column(
            "listening_assignments",
            sa.Column(f"{side}_sent", INT4MULTIRANGE, nullable=False, server_default=sa.text("'{}'")),
        )
