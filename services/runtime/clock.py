"""The clock that all services use."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def now() -> datetime:
    """Returns the current time, with the time zone UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime | None) -> Timestamp | None:
    """Returns a time as a protobuf Timestamp. None stays None, which leaves a field absent."""
    if moment is None:
        return None
    result = Timestamp()
    result.FromDatetime(moment)
    return result
