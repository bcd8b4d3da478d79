"""What a process tells of itself to whoever has a key: figures and known reasons, nothing of the installation."""

import pytest
from prometheus_client import CollectorRegistry, Gauge
from psycopg import OperationalError

from services.runtime.errors import BusUnavailable, Unavailable
from services.runtime.status import MAX_COUNT, by_labels, count, reason_of


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
        (OperationalError("[Errno -2] Name or service not known: db.internal"), "the name of its host is not known"),
        (ConnectionRefusedError("10.1.2.3 does not answer"), "connection refused"),
        (FileNotFoundError("/srv/secret/audio"), "it is not there"),
        (TimeoutError(), "no answer in time"),
        (BusUnavailable("not connected to NATS"), "not connected to NATS"),
        (Unavailable("the catalogue is not filled"), "the catalogue is not filled"),
        (
            raised_for(PermissionError(), "the audio store can't be written: /srv: Permission denied (os error 13)"),
            "permission denied",
        ),
        (
            raised_for(ValueError(), "the audio store can't be read: s3://bucket/prefix: odd"),
            "ValueError; the log of the service says more",
        ),
        (OperationalError("host=10.1.2.3 did something new"), "OperationalError; the log of the service says more"),
    ],
)
def test_a_reason_names_no_host_user_or_path(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


@pytest.mark.parametrize(("value", "expected"), [(0.4, 0), (2.6, 3), (-1.0, 0), (1e12, MAX_COUNT)])
def test_figures_become_whole_numbers(value: float, expected: int) -> None:
    assert count(value) == expected


def test_a_gauge_is_read_by_its_labels() -> None:
    gauge = Gauge("things", "Things", ["kind", "state"], registry=CollectorRegistry())
    gauge.labels("a", "new").set(2)
    gauge.labels("b", "old").set_function(lambda: 7)
    assert by_labels(gauge) == {("a", "new"): 2, ("b", "old"): 7}
