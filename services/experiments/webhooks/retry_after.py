"""Reads the header Retry-After."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Far above what is honoured, and below what a timedelta can't hold.
LONGEST_DIGITS = 9


def retry_after(value: str | None, at: datetime) -> timedelta | None:
    """Returns how long a Retry-After (seconds or an HTTP date, RFC 9110) asks to wait; None if it says nothing."""
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=int(text[:LONGEST_DIGITS] if len(text) <= LONGEST_DIGITS else "9" * LONGEST_DIGITS))
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date without a zone is in GMT.
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(date - at, timedelta(0))
