"""How much of the meaning a transcript of a trial keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Adds the column. It was not measured in earlier trials."""
    op.add_column("trials", sa.Column("semascore", sa.Double))
