"""What of each clip has gone out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import INT4MULTIRANGE

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Keeps the bytes of each clip that have gone out, in as many pieces as they did. A clip sent before stays sent."""
    for side in ("a", "b"):
        op.add_column(
            "listening_assignments",
            sa.Column(f"{side}_sent", INT4MULTIRANGE, nullable=False, server_default=sa.text("'{}'")),
        )
