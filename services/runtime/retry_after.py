"""Reads for how long an HTTP answer asks to be left alone."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Nobody who asks for more is waited for so long.
MAX_SECONDS = 24 * 3600.0

_SECONDS = re.compile(r"\d+(\.\d{1,6})?", re.ASCII)


def retry_after_seconds(headers: Mapping[str, str], at: datetime) -> float | None:
    """Reads `Retry-After`, in seconds or as a date (RFC 9110), and OpenAI's `retry-after-ms`.

    Returns 0 to a day; None if there is neither, or what is there can't be read.
    """
    millis, value = headers.get("retry-after-ms", "").strip(), headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(millis):
        seconds = float(millis) / 1000
    elif _SECONDS.fullmatch(value):
        seconds = float(value)
    else:
        try:
            date = parsedate_to_datetime(value)
            # A date without a zone is in GMT.
            seconds = (date.replace(tzinfo=date.tzinfo or UTC) - at).total_seconds()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), MAX_SECONDS)
