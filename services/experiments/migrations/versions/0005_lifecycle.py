"""Lets experiments be watched, retried and deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Deletes trials with their experiment. Stores each trial's last change and its attempts before a retry."""
    op.drop_constraint("trials_experiment_id_fkey", "trials", type_="foreignkey")
    op.create_foreign_key(
        "trials_experiment_id_fkey", "trials", "experiments", ["experiment_id"], ["id"], ondelete="CASCADE"
    )
    # The number of attempts before the retry. The count continues, so that late responses are recognized.
    op.add_column("trials", sa.Column("attempts_before", sa.Integer, nullable=False, server_default="0"))
    op.alter_column("trials", "attempts_before", server_default=None)
    # The transaction that last changed the trial. A watcher reads every trial whose transaction is not older than the
    # oldest one that was open at the previous read, so it misses nothing, in whichever order they commit.
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
