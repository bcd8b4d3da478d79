"""Adds webhook endpoints, deliveries and attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("developer_id", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text),
        # The experiment that created the endpoint, until the response to its creation has shown the secret.
        sa.Column("untold_experiment_id", sa.Text),
        sa.Column("disabled_reason", sa.Text, nullable=False),
        # All secrets are encrypted.
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("old_secret", sa.LargeBinary),
        sa.Column("old_secret_expires_at", _MOMENT),
        sa.Column("secret_rotated_at", _MOMENT),
        sa.Column("paused_until", _MOMENT),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("developer_id", "url", name="webhook_endpoints_url"),
        sa.UniqueConstraint("developer_id", "request_id", name="webhook_endpoints_request"),
    )
    op.create_index("webhook_endpoints_by_developer", "webhook_endpoints", ["developer_id", "created_at", "id"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False),
        # Not a foreign key, so that deliveries can be read after their endpoint is deleted.
        sa.Column("endpoint_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts_made", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", _MOMENT),
        sa.Column("asked_at", _MOMENT),
        sa.Column("due_at", _MOMENT, sa.Computed("COALESCE(asked_at, next_attempt_at)", persisted=True)),
        sa.Column("lease", sa.Text),
        sa.Column("leased_until", _MOMENT),
        sa.Column("error_message", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
    )
    op.create_index("webhook_deliveries_of_experiment", "webhook_deliveries", ["experiment_id", "created_at", "id"])
    op.create_index(
        "webhook_deliveries_due", "webhook_deliveries", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    # For finding the pending deliveries of an endpoint that is disabled or deleted.
    op.create_index(
        "webhook_deliveries_of_endpoint",
        "webhook_deliveries",
        ["endpoint_id"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("delivery_id", sa.Text, sa.ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), nullable=False),
        sa.Column("attempted_at", _MOMENT, nullable=False),
        sa.Column("response_status", sa.Integer),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("duration_ms", sa.Double, nullable=False),
        sa.Column("by_hand", sa.Boolean, nullable=False),
    )
    op.create_index("webhook_attempts_of_delivery", "webhook_attempts", ["delivery_id", "id"])
