"""The latest metric audit of the installation, and who runs one now."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds a table with at most one row."""
    op.create_table(
        "metric_audits",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("claimed_by", sa.Text),
        # Until when an audit is in progress. One whose process has ended does not block others for ever.
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
        sa.Column("result", JSONB),
        sa.CheckConstraint("id = 1", name="metric_audits_one_row"),
        sa.CheckConstraint("(claimed_by IS NULL) = (claimed_until IS NULL)", name="metric_audits_claim"),
        sa.CheckConstraint("(completed_at IS NULL) = (result IS NULL)", name="metric_audits_result"),
    )
