"""Lets webhook deliveries be about subjects of any type."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    """Makes the experiment of each delivery its subject. These deliveries are still deleted with their experiment."""
    deliveries = "webhook_deliveries"
    op.drop_constraint("webhook_deliveries_experiment_id_fkey", deliveries, type_="foreignkey")
    op.alter_column(deliveries, "experiment_id", new_column_name="subject_id")
    op.add_column(deliveries, sa.Column("subject_type", sa.Text, nullable=False, server_default="experiment"))
    op.alter_column(deliveries, "subject_type", server_default=None)
    op.execute("ALTER INDEX webhook_deliveries_of_experiment RENAME TO webhook_deliveries_of_subject")
    # This computed column lets PostgreSQL delete the deliveries of an experiment with the experiment.
    its_experiment = sa.Computed("CASE WHEN subject_type = 'experiment' THEN subject_id END", persisted=True)
    op.add_column(deliveries, sa.Column("experiment_id", sa.Text, its_experiment))
    op.create_foreign_key(None, deliveries, "experiments", ["experiment_id"], ["id"], ondelete="CASCADE")
    op.create_index("webhook_deliveries_of_experiment", deliveries, ["experiment_id"])
