"""Evaluations of recordings: what was asked, the outcome of each step, and recordings that belong to nothing."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

TEXTS = ("model_id", "scenario_id", "reference_text", "language", "webhook_url", "content_type", "traceparent")
LISTS = ("names", "steps", "conditions")


def upgrade() -> None:
    """Adds columns that are empty for evaluations of jobs, which other services ask for, and two tables."""
    for name in TEXTS:
        op.add_column("evaluations", sa.Column(name, sa.Text, nullable=False, server_default=""))
    for name in LISTS:
        op.add_column("evaluations", sa.Column(name, JSONB, nullable=False, server_default="[]"))
    op.add_column("evaluations", sa.Column("num_speakers", sa.Integer))
    op.add_column("evaluations", sa.Column("duration_seconds", sa.Double))
    op.add_column("evaluations", sa.Column("uploaded", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("evaluations", sa.Column("audio_deleted_at", sa.DateTime(timezone=True)))
    op.add_column("evaluations", sa.Column("request_id", sa.Text))
    op.add_column("evaluations", sa.Column("request_fingerprint", sa.LargeBinary))
    # When it began to wait for its turn. Null for the evaluation of a job.
    op.add_column("evaluations", sa.Column("queued_at", sa.DateTime(timezone=True)))
    # The number of the run. A run that was superseded changes nothing more.
    op.add_column("evaluations", sa.Column("run", sa.Integer, nullable=False, server_default="0"))
    # How many runs have begun since it was queued and were not ended or handed back.
    op.add_column("evaluations", sa.Column("tries", sa.Integer, nullable=False, server_default="0"))
    # Until when the process that runs it has it. Afterwards any process can run it again.
    op.add_column("evaluations", sa.Column("claimed_until", sa.DateTime(timezone=True)))
    for name in ("status", "measured", "ended"):
        op.drop_constraint(f"evaluations_{name}", "evaluations")
    op.create_check_constraint(
        "evaluations_status", "evaluations", "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')"
    )
    op.create_check_constraint(
        "evaluations_measured",
        "evaluations",
        "CASE WHEN queued_at IS NULL THEN (status = 'completed') = (signal_metrics IS NOT NULL)"
        " ELSE signal_metrics IS NULL END",
    )
    op.create_check_constraint(
        "evaluations_ended", "evaluations", "(status IN ('pending', 'running')) = (completed_at IS NULL)"
    )
    op.create_check_constraint(
        "evaluations_claimed",
        "evaluations",
        "(queued_at IS NOT NULL AND status = 'running') = (claimed_until IS NOT NULL)",
    )
    op.create_unique_constraint("evaluations_request", "evaluations", ["developer_id", "request_id"])
    op.create_index("evaluations_of_developer", "evaluations", ["developer_id", sa.text("created_at DESC"), "id"])
    op.create_index("evaluations_of_audio", "evaluations", ["audio_name"])
    op.create_index(
        "evaluations_waiting",
        "evaluations",
        ["queued_at"],
        postgresql_where=sa.text("queued_at IS NOT NULL AND status IN ('pending', 'running')"),
    )
    op.create_index(
        "evaluations_kept",
        "evaluations",
        ["completed_at"],
        postgresql_where=sa.text("uploaded AND audio_deleted_at IS NULL"),
    )
    op.create_table(
        "evaluation_steps",
        sa.Column("evaluation_id", sa.Text, sa.ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True),
        # The version of the recording, empty for the recording itself.
        sa.Column("condition", sa.Text, primary_key=True),
        sa.Column("step", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False, server_default="0"),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("backend", sa.Text, nullable=False, server_default=""),
        sa.Column("result", JSONB),
        sa.CheckConstraint(
            "status IN ('pending', 'started', 'completed', 'skipped', 'failed')", name="evaluation_steps_status"
        ),
        sa.CheckConstraint("result IS NULL OR status = 'completed'", name="evaluation_steps_result"),
    )
    # A recording is listed here before it is stored and when its evaluation no longer needs it.
    op.create_table(
        "unused_recordings",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("delete_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("unused_recordings_due", "unused_recordings", ["delete_at"])
