"""Evaluations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.runtime.migration import create_messaging_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the table of evaluations and the messaging tables."""
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("developer_id", sa.Text, nullable=False),
        sa.Column("audio_name", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("signal_metrics", JSONB),
        sa.Column("error_message", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("status IN ('running', 'completed', 'failed')", name="evaluations_status"),
        sa.CheckConstraint("(status = 'completed') = (signal_metrics IS NOT NULL)", name="evaluations_measured"),
        sa.CheckConstraint("(status = 'running') = (completed_at IS NULL)", name="evaluations_ended"),
    )
    create_messaging_tables("scoring")
