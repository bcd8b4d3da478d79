"""Adds scopes, expiry, last use, rotation and request ids of API keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0002"
down_revision = "0001"

# Before there were scopes, a key allowed everything.
ALL = (
    "ARRAY['experiments:read', 'experiments:write', 'models:read', 'models:write', 'speech', 'evaluations:read', "
    "'webhooks', 'keys']"
)


def upgrade() -> None:
    """Adds the columns. Existing keys get all scopes."""
    op.add_column("api_keys", sa.Column("scopes", ARRAY(sa.Text), nullable=False, server_default=sa.text(ALL)))
    op.alter_column("api_keys", "scopes", server_default=None)
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column("api_keys", sa.Column("last_used_at", sa.DateTime(timezone=True)))
    op.add_column("api_keys", sa.Column("replaced_by", sa.Text, nullable=False, server_default=""))
    op.add_column("api_keys", sa.Column("request_id", sa.Text))
    op.create_unique_constraint("api_keys_request", "api_keys", ["developer_id", "request_id"])
