"""Adds repeats, trial order, providers, composite profiles, listening and retention."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

# The only profile when older experiments were created.
LATENCY = (
    '{"name": "latency", "version": 1, "weights": '
    '{"ttfb": 0.30, "generation_time": 0.25, "silence": 0.25, "duration_accuracy": 0.20}}'
)


def upgrade() -> None:
    """Adds the columns, with values for existing experiments."""
    _add("experiments", sa.Column("composite", JSONB, nullable=False, server_default=sa.text(f"'{LATENCY}'::jsonb")))
    _add("experiments", sa.Column("repeats", sa.Integer, nullable=False, server_default="1"))
    _add("experiments", sa.Column("seed", sa.BigInteger, nullable=False, server_default="0"))
    _add("experiments", sa.Column("votes_per_pair", sa.Integer, nullable=False, server_default="3"))
    _add("experiments", sa.Column("listening_days", sa.Integer, nullable=False, server_default="14"))
    op.add_column("experiments", sa.Column("listening_until", sa.DateTime(timezone=True)))
    _add("experiments", sa.Column("audio_retention_days", sa.Integer, nullable=False, server_default="30"))
    op.add_column("experiments", sa.Column("audio_deleted_at", sa.DateTime(timezone=True)))
    _add("experiments", sa.Column("cloned_from", sa.Text, nullable=False, server_default=""))
    _add("experiments", sa.Column("traceparent", sa.Text, nullable=False, server_default=""))
    # For the search for audio whose retention time is over.
    op.create_index(
        "experiments_with_audio",
        "experiments",
        ["ended_at"],
        postgresql_where=sa.text("ended_at IS NOT NULL AND audio_deleted_at IS NULL"),
    )
    _add("trials", sa.Column("repeat_index", sa.Integer, nullable=False, server_default="0"))
    _add("trials", sa.Column("position", sa.Integer, nullable=False, server_default="0"))
    op.add_column("trials", sa.Column("language", sa.Text))
    op.add_column("trials", sa.Column("seed", sa.BigInteger))
    _add("trials", sa.Column("provider_requests", sa.Integer, nullable=False, server_default="0"))
    _add("trials", sa.Column("error_kind", sa.Text, nullable=False, server_default=""))
    op.add_column("trials", sa.Column("audio_deleted_at", sa.DateTime(timezone=True)))
    # The time when a slot was last given to the trial. The experiment that has waited longest for a slot is next.
    op.add_column("trials", sa.Column("released_at", sa.DateTime(timezone=True)))
    for name in ("naturalness_mos", "word_error_rate", "prosody_score"):
        op.add_column("trials", sa.Column(name, sa.Double))
    op.drop_constraint("trials_place", "trials")
    op.create_unique_constraint(
        "trials_place", "trials", ["experiment_id", "prompt_index", "model_index", "repeat_index"]
    )
    # For finding the next trial of a provider and for counting its running trials.
    op.create_index(
        "trials_pending",
        "trials",
        ["provider", "experiment_id", "position"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "trials_at_provider",
        "trials",
        ["provider", "experiment_id"],
        postgresql_where=sa.text("status = 'synthesizing'"),
    )
    op.create_index("trials_released", "trials", ["experiment_id", "provider", "released_at"])
    # For counting the running experiments of a developer.
    op.create_index(
        "experiments_running", "experiments", ["developer_id"], postgresql_where=sa.text("status = 'running'")
    )
    op.create_table(
        "providers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("max_concurrency", sa.Integer, nullable=False),
        sa.Column("local", sa.Boolean, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )


def _add(table: str, column: "sa.Column[object]") -> None:
    """Adds a column. Its default is for existing rows only."""
    op.add_column(table, column)
    op.alter_column(table, column.name, server_default=None)
