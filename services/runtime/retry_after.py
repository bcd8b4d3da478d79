"""Reads from an HTTP response how long to wait before the next request."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Longer waits are cut to a day.
MAX_RETRY_AFTER_SECONDS = 24 * 3600.0

_SECONDS = re.compile(r"\d+(\.\d{1,6})?", re.ASCII)


def retry_after_seconds(headers: Mapping[str, str], at: datetime) -> float | None:
    """Reads OpenAI's `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110).

    Returns 0 to 86,400 seconds, or None if there is no such header or it can't be parsed. `at` is the current time.
    """
    millis, value = headers.get("retry-after-ms", "").strip(), headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(millis):
        seconds = float(millis) / 1000
    elif _SECONDS.fullmatch(value):
        seconds = float(value)
    else:
        try:
            date = parsedate_to_datetime(value)
            # A date without a time zone is in GMT.
            seconds = (date.replace(tzinfo=date.tzinfo or UTC) - at).total_seconds()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)
