"""Adds experiments, trials and results."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.runtime.migration import create_messaging_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the first tables."""
    op.create_table(
        "experiments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("developer_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scenario", sa.Text, nullable=False),
        sa.Column("eval_mode", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("models", JSONB, nullable=False),
        sa.Column("prompts", JSONB, nullable=False),
        sa.Column("webhook_url", sa.Text, nullable=False),
        sa.Column("primary_metric", sa.Text, nullable=False),
        sa.Column("total_trials", sa.Integer, nullable=False),
        sa.Column("completed_trials", sa.Integer, nullable=False),
        sa.Column("failed_trials", sa.Integer, nullable=False),
        sa.Column("error_message", sa.Text, nullable=False),
        sa.Column("results", JSONB),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        # The time of the last progress of a trial. The reconciler repeats requests only where there is no progress.
        sa.Column("progressed_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("developer_id", "request_id", name="experiments_request"),
    )
    op.create_index("experiments_by_developer", "experiments", ["developer_id", "created_at", "id"])
    op.create_table(
        "trials",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("prompt_index", sa.Integer, nullable=False),
        sa.Column("model_index", sa.Integer, nullable=False),
        sa.Column("prompt_text", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("voice_id", sa.Text, nullable=False),
        sa.Column("model_id", sa.Text, nullable=False),
        sa.Column("speed", sa.Double),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True)),
        sa.Column("audio_name", sa.Text),
        sa.Column("error_message", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("duration_seconds", sa.Double),
        sa.Column("ttfb_ms", sa.Double),
        sa.Column("generation_time_ms", sa.Double),
        sa.Column("ttfa_ms", sa.Double),
        sa.Column("leading_silence_ms", sa.Double),
        sa.Column("real_time_factor", sa.Double),
        sa.Column("connect_ms", sa.Double),
        sa.Column("connection_reused", sa.Boolean),
        sa.Column("transport", sa.Text),
        sa.Column("sample_rate_hz", sa.Integer),
        sa.Column("region", sa.Text),
        sa.Column("silence_ratio", sa.Double),
        sa.Column("trailing_silence_ms", sa.Double),
        sa.Column("peak", sa.Double),
        sa.Column("clipping_ratio", sa.Double),
        sa.Column("loudness_lufs", sa.Double),
        sa.Column("dc_offset", sa.Double),
        sa.UniqueConstraint("experiment_id", "prompt_index", "model_index", name="trials_place"),
    )
    op.create_index(
        "trials_in_flight",
        "trials",
        ["requested_at"],
        postgresql_where=sa.text("status IN ('synthesizing', 'scoring')"),
    )
    create_messaging_tables("experiments")
