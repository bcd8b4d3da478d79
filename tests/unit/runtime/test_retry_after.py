"""Reading Retry-After in every form that servers use."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from services.runtime.retry_after import retry_after_seconds

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("12", 12.0),
        ("0", 0.0),
        (" 120 ", 120.0),
        (" 1.5 ", 1.5),
        ("99999999999999999999", 86400.0),
        ("9" * 5000, 86400.0),
        ("-5", None),
        ("1e3", None),
        ("inf", None),
        ("nan", None),
        ("\u0663", None),
        ("\u0661\u0662", None),
        ("soon", None),
        ("", None),
        ("Thu, 01 Jan 2026 12:10:00 GMT", 600.0),
        ("Thursday, 01-Jan-26 12:10:00 GMT", 600.0),
        ("Thu Jan  1 12:10:00 2026", 600.0),
        ("Thu, 01 Jan 2026 14:10:00 +0200", 600.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Mon, 99 Jan 2024 00:00:00 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +9999", None),
        ("Thu, 01 Jan 99999 11:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400.0),
        (format_datetime(NOON + timedelta(hours=1), usegmt=True), 3600.0),
    ],
)
def test_valid_values_are_read_and_others_ignored(value: str, seconds: float | None) -> None:
    assert retry_after_seconds({"retry-after": value}, NOON) == seconds


def test_the_header_can_be_absent_or_in_milliseconds() -> None:
    assert retry_after_seconds({}, NOON) is None
    assert retry_after_seconds({"retry-after-ms": "250"}, NOON) == 0.25
    assert retry_after_seconds({"retry-after": "7", "retry-after-ms": "250"}, NOON) == 0.25
    assert retry_after_seconds({"retry-after": "7", "retry-after-ms": "soon"}, NOON) == 7.0
