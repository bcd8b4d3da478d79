"""The tables of `Lines`: one clip per line of text."""

from alembic import op

from services.runtime.migration import create_messaging_tables
from tests.contract.stores.clip_users import LINES, LINES_PROVIDERS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    LINES.create(op.get_bind())
    LINES_PROVIDERS.create(op.get_bind())
    create_messaging_tables("lines")
