"""How long a text each provider and its models take."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds columns; 0 is not known, until tts tells of the provider again."""
    op.add_column("providers", sa.Column("max_text_characters", sa.Integer, nullable=False, server_default="0"))
    op.add_column("providers", sa.Column("text_limits", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")))
