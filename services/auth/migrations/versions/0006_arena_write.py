"""Gives API keys that have every scope the new scope `arena:write`, too."""

from alembic import op

revision = "0006"
down_revision = "0005"

EARLIER = (
    "ARRAY['experiments:read', 'experiments:write', 'models:read', 'models:write', 'speech', 'evaluations:read', "
    "'webhooks', 'keys', 'evaluations:write']"
)


def upgrade() -> None:
    """Adds the scope to keys that could do everything. Keys with fewer scopes keep what they have."""
    op.execute(f"UPDATE api_keys SET scopes = scopes || ARRAY['arena:write'] WHERE scopes @> {EARLIER}")  # noqa: S608
