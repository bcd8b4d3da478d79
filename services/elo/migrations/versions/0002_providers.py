"""What tts has told of each provider: whether it can be used, and which parameters it takes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the table; those whose voices are known could be used, and will be told of again."""
    op.create_table(
        "providers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        # Empty if it can be used.
        sa.Column("unavailable_reason", sa.Text, nullable=False),
        sa.Column("parameters", ARRAY(sa.Text), nullable=False),
    )
    op.execute(
        "INSERT INTO providers (id, told_at, unavailable_reason, parameters) "
        "SELECT DISTINCT provider, now(), '', ARRAY['speed'] FROM known_voices"
    )
