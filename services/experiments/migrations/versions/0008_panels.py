"""Adds the sessions and addresses of listeners, and which votes count."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

DEFAULT_LISTENERS_PER_ADDRESS = 3


def upgrade() -> None:
    """Adds sessions, addresses and states of votes.

    Existing links get the default limit. Existing listeners have no session and no address. Existing votes have no
    state and count as before.
    """
    for name, value in (("max_listeners_per_address", DEFAULT_LISTENERS_PER_ADDRESS), ("excluded_votes", 0)):
        op.add_column("listening_links", sa.Column(name, sa.Integer, nullable=False, server_default=str(value)))
        op.alter_column("listening_links", name, server_default=None)
    op.add_column("listening_listeners", sa.Column("voter_id", sa.Text))
    # Addresses are stored only as keyed hashes.
    op.add_column("listening_listeners", sa.Column("address", sa.LargeBinary))
    op.add_column("listening_votes", sa.Column("address", sa.LargeBinary))
    op.create_index("listening_listeners_of_session", "listening_listeners", ["link_id", "voter_id"], unique=True)
    op.create_index("listening_listeners_of_voter", "listening_listeners", ["voter_id", "experiment_id"])
    op.create_index("listening_listeners_by_address", "listening_listeners", ["link_id", "address"])
    op.create_index("listening_votes_by_address", "listening_votes", ["experiment_id", "address"])
    op.create_table(
        "listening_vote_states",
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column(
            "assignment_id",
            sa.Text,
            sa.ForeignKey("listening_votes.assignment_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('counted', 'excluded', 'unknown')", name="listening_vote_states_state"),
        sa.CheckConstraint("(state = 'excluded') = (reason <> '')", name="listening_vote_states_reason"),
    )
    op.create_index("listening_vote_states_of_vote", "listening_vote_states", ["assignment_id", "seq"])
    # A later judgement adds a row.
    op.execute(
        """
        CREATE FUNCTION listening_vote_states_stay() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'states of votes are not changed, only added'; END $$
        """
    )
    op.execute(
        "CREATE TRIGGER listening_vote_states_stay BEFORE UPDATE ON listening_vote_states "
        "FOR EACH ROW EXECUTE FUNCTION listening_vote_states_stay()"
    )
