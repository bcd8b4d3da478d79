"""The longest text that each provider and its models accept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the columns. 0 means unknown until tts reports the provider again."""
    op.add_column("providers", sa.Column("max_text_characters", sa.Integer, nullable=False, server_default="0"))
    op.add_column("providers", sa.Column("text_limits", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")))
