"""The last report of tts about each provider: whether it can be used, and which parameters it accepts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the table, and adds the providers with known voices as usable. tts will report them again."""
    op.create_table(
        "providers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        # Empty if the provider can be used.
        sa.Column("unavailable_reason", sa.Text, nullable=False),
        sa.Column("parameters", ARRAY(sa.Text), nullable=False),
    )
    op.execute(
        "INSERT INTO providers (id, told_at, unavailable_reason, parameters) "
        "SELECT DISTINCT provider, now(), '', ARRAY['speed'] FROM known_voices"
    )
