"""The one clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """Returns the time of day, aware, in UTC."""
    return datetime.now(UTC)
