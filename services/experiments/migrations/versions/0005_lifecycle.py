"""Following, retrying and deleting experiments."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Lets trials go with their experiment, and notes when each moved and how often it was asked for before a retry."""
    op.drop_constraint("trials_experiment_id_fkey", "trials", type_="foreignkey")
    op.create_foreign_key(
        "trials_experiment_id_fkey", "trials", "experiments", ["experiment_id"], ["id"], ondelete="CASCADE"
    )
    # How often it had been asked for when it was retried: the count goes on, so that late answers are told apart.
    op.add_column("trials", sa.Column("attempts_before", sa.Integer, nullable=False, server_default="0"))
    op.alter_column("trials", "attempts_before", server_default=None)
    # The transaction that changed it last. Who follows an experiment reads what is at least as young as the oldest
    # transaction under way at the read before, and so misses nothing, in whichever order they commit.
    op.add_column("trials", sa.Column("moved_in", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(
        """
        CREATE FUNCTION trial_moves() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.moved_in := pg_current_xact_id()::text::bigint; RETURN NEW; END $$
        """
    )
    op.execute(
        "CREATE TRIGGER trial_moves BEFORE INSERT OR UPDATE ON trials FOR EACH ROW EXECUTE FUNCTION trial_moves()"
    )
