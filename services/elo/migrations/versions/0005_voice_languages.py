"""The language of each voice."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds the column. Empty means unknown until tts reports the provider again."""
    op.add_column("known_voices", sa.Column("language", sa.Text, nullable=False, server_default=""))
