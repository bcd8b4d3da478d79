"""Adds listening links, listeners, pairs and votes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Creates the tables. Their rows are deleted with their experiment."""
    for name in ("votes_received", "votes_needed"):
        op.add_column("experiments", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
        op.alter_column("experiments", name, server_default=None)
    op.create_index(
        "experiments_listening",
        "experiments",
        ["listening_until"],
        postgresql_where=sa.text("status = 'running' AND listening_until IS NOT NULL"),
    )
    op.create_table(
        "listening_links",
        sa.Column("id", sa.Text, primary_key=True),
        _of_experiment(),
        sa.Column("developer_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text),
        _moment("expires_at"),
        _moment("revoked_at", nullable=True),
        _moment("created_at"),
        sa.Column("listeners", sa.Integer, nullable=False),
        sa.Column("votes", sa.Integer, nullable=False),
        sa.UniqueConstraint("experiment_id", "request_id", name="listening_links_request"),
    )
    op.create_index("listening_links_by_experiment", "listening_links", ["experiment_id", "created_at", "id"])
    op.create_table(
        "listening_listeners",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("link_id", sa.Text, sa.ForeignKey("listening_links.id", ondelete="CASCADE"), nullable=False),
        _of_experiment(),
        _moment("created_at"),
    )
    op.create_index("listening_listeners_by_experiment", "listening_listeners", ["experiment_id"])
    op.create_index("listening_listeners_by_link", "listening_listeners", ["link_id"])
    op.create_table(
        "listening_pairs",
        _of_experiment(),
        *_pair_key(),
        sa.Column("first_trials", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("second_trials", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("target_lufs", sa.Double, nullable=False),
        sa.Column("votes", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "prompt_index", "first", "second", name="listening_pairs_pkey"),
    )
    _create_assignments()
    _create_votes()


def _create_assignments() -> None:
    op.create_table(
        "listening_assignments",
        sa.Column("id", sa.Text, primary_key=True),
        _of_experiment(),
        _of_listener(),
        sa.Column("link_id", sa.Text, nullable=False),
        *_pair_key(),
        sa.Column("first_trial", sa.Text, nullable=False),
        sa.Column("second_trial", sa.Text, nullable=False),
        sa.Column("swapped", sa.Boolean, nullable=False),
        sa.Column("drawn_from", sa.Integer, nullable=False),
        sa.Column("target_lufs", sa.Double, nullable=False),
        sa.Column("clip_a", sa.Text, nullable=False, unique=True),
        sa.Column("clip_b", sa.Text, nullable=False, unique=True),
        sa.Column("a_seconds", sa.Double, nullable=False),
        sa.Column("b_seconds", sa.Double, nullable=False),
        _moment("shown_at"),
        _moment("a_sent_at", nullable=True),
        _moment("b_sent_at", nullable=True),
        sa.UniqueConstraint("listener_id", "prompt_index", "first", "second", name="listening_assignments_pair"),
    )
    op.create_index("listening_assignments_shown", "listening_assignments", ["experiment_id", "shown_at"])


def _create_votes() -> None:
    op.create_table(
        "listening_votes",
        sa.Column(
            "assignment_id",
            sa.Text,
            sa.ForeignKey("listening_assignments.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
        _of_experiment(),
        _of_listener(),
        *_pair_key(),
        sa.Column("swapped", sa.Boolean, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        _moment("cast_at"),
        sa.UniqueConstraint("listener_id", "prompt_index", "first", "second", name="listening_votes_pair"),
    )
    op.create_index("listening_votes_by_experiment", "listening_votes", ["experiment_id", "seq"])
    # Votes are only added, and deleted with their experiment. They never change.
    op.execute(
        """
        CREATE FUNCTION listening_votes_stay() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'votes are not changed'; END $$
        """
    )
    op.execute(
        "CREATE TRIGGER listening_votes_stay BEFORE UPDATE ON listening_votes "
        "FOR EACH ROW EXECUTE FUNCTION listening_votes_stay()"
    )


def _of_experiment() -> "sa.Column[str]":
    return sa.Column("experiment_id", sa.Text, sa.ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False)


def _of_listener() -> "sa.Column[str]":
    its = sa.ForeignKey("listening_listeners.id", ondelete="CASCADE")
    return sa.Column("listener_id", sa.Text, its, nullable=False)


def _pair_key() -> "list[sa.Column[int]]":
    return [sa.Column(name, sa.Integer, nullable=False) for name in ("prompt_index", "first", "second")]


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
