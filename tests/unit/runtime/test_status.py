"""The status of a process: numbers and known reasons, without details of the installation."""

import pytest
from prometheus_client import CollectorRegistry, Gauge
from psycopg import OperationalError

from services.runtime.errors import BusUnavailable, Unavailable
from services.runtime.status import MAX_COUNT, by_labels, count, failure_reason


def raised_for(cause: Exception, message: str) -> Exception:
    error = Unavailable(message)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            OperationalError('connection to server at "10.1.2.3", port 5432 failed: Connection refused\n\tIs it'),
            "connection refused",
        ),
        (OperationalError('FATAL:  password authentication failed for user "arena"'), "the password is not accepted"),
        (OperationalError("FATAL:  the database system is starting up"), "it is starting"),
        (OperationalError("[Errno -2] Name or service not known: db.internal"), "its host name is unknown"),
        (ConnectionRefusedError("10.1.2.3 does not answer"), "connection refused"),
        (FileNotFoundError("/srv/secret/audio"), "it does not exist"),
        (TimeoutError(), "no response in time"),
        (BusUnavailable("not connected to NATS"), "not connected to NATS"),
        (Unavailable("the catalogue is not filled"), "the catalogue is not filled"),
        (
            raised_for(PermissionError(), "The audio store can't be written: /srv: Permission denied (os error 13)"),
            "permission denied",
        ),
        (
            raised_for(ValueError(), "The audio store can't be read: s3://bucket/prefix: odd"),
            "ValueError; see the service's log",
        ),
        (OperationalError("host=10.1.2.3 did something new"), "OperationalError; see the service's log"),
    ],
)
def test_a_reason_names_no_host_user_or_path(error: Exception, reason: str) -> None:
    assert failure_reason(error) == reason


@pytest.mark.parametrize(("value", "expected"), [(0.4, 0), (2.6, 3), (-1.0, 0), (1e12, MAX_COUNT)])
def test_gauge_values_become_whole_numbers_that_are_not_negative(value: float, expected: int) -> None:
    assert count(value) == expected


def test_the_values_of_a_gauge_are_read_by_label() -> None:
    gauge = Gauge("things", "Things", ["kind", "state"], registry=CollectorRegistry())
    gauge.labels("a", "new").set(2)
    gauge.labels("b", "old").set_function(lambda: 7)
    assert by_labels(gauge) == {("a", "new"): 2, ("b", "old"): 7}
