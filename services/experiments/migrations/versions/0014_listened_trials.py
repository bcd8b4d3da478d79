"""Trials to which models listen: which experiments have them, the spoken language, and what was heard."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Adds the columns. Nothing listened to earlier trials."""
    op.add_column("experiments", sa.Column("listens", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("trials", sa.Column("spoken_language", sa.Text, nullable=False, server_default=""))
    op.add_column("trials", sa.Column("heard_speech", JSONB))
    op.add_column("trials", sa.Column("signal_quality_mos", sa.Double))
    op.add_column("trials", sa.Column("hard_word_accuracy", sa.Double))
    op.add_column("trials", sa.Column("speech_failures", sa.Integer))
