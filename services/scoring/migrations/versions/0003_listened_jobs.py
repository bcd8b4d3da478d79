"""Evaluations of jobs to which models listen: they wait for their turn as those of recordings do."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the service that receives the result, which is empty for recordings and for earlier jobs."""
    op.add_column("evaluations", sa.Column("requester", sa.Text, nullable=False, server_default=""))
    op.drop_constraint("evaluations_measured", "evaluations")
    # The samples of a job are measured before it waits for models.
    op.create_check_constraint(
        "evaluations_measured",
        "evaluations",
        "CASE WHEN queued_at IS NULL THEN (status = 'completed') = (signal_metrics IS NOT NULL)"
        " ELSE (requester <> '') = (signal_metrics IS NOT NULL) END",
    )
