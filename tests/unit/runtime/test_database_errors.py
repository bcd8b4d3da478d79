"""The errors that callers get when the database or a disk fails."""

import errno
from pathlib import Path

import pytest
from psycopg import OperationalError
from psycopg import errors as pg
from sqlalchemy.exc import OperationalError as AlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from services.runtime import disk
from services.runtime.database_errors import DATABASE_FULL, NO_CONNECTION_FREE, STARTING, UNREACHABLE, explain
from services.runtime.error_status import unexpected
from services.runtime.errors import TOO_MANY_FILES, DeadlineExceeded, DiskFull, Unavailable


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OperationalError("connection to 10.0.0.1 failed: Connection refused"), Unavailable, UNREACHABLE),
        (OperationalError("the connection is closed"), Unavailable, UNREACHABLE),
        (pg.DiskFull('could not extend file "base/1/2": No space left on device'), DiskFull, DATABASE_FULL),
        (OperationalError("FATAL: could not write file: No space left on device"), DiskFull, DATABASE_FULL),
        (pg.TooManyConnections("x"), Unavailable, "The database has too many connections. Try again."),
        (
            OperationalError("connection failed: FATAL: sorry, too many clients already"),
            Unavailable,
            "The database has too many connections. Try again.",
        ),
        (pg.QueryCanceled("canceling statement"), DeadlineExceeded, "The database took too long. Try again."),
        (pg.DeadlockDetected("x"), Unavailable, "Another call changed the same data at the same time. Try again."),
        (OperationalError("FATAL: the database system is starting up"), Unavailable, STARTING),
        (OperationalError("FATAL: the database system is in recovery mode"), Unavailable, STARTING),
        (
            OperationalError('FATAL: password authentication failed for user "x"'),
            Unavailable,
            "The database refuses the credentials of this service",
        ),
        (OperationalError("could not create socket: Too many open files"), Unavailable, TOO_MANY_FILES),
        (NoConnectionFree("QueuePool limit of size 5 overflow 5 reached"), Unavailable, NO_CONNECTION_FREE),
    ],
)
def test_the_error_has_the_reason_but_not_the_library_s_words(error: Exception, kind: type, message: str) -> None:
    for raised in (error, AlchemyError("INSERT", {}, error) if not isinstance(error, NoConnectionFree) else error):
        explained = explain(raised)
        assert (type(explained), explained.message) == (kind, message)


def test_a_database_that_ended_on_a_full_disk_is_reported_as_disk_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_watched", [tmp_path])
    monkeypatch.setattr(disk, "free_bytes", lambda _: disk.MIN_FREE_BYTES - 1)
    for error in (OperationalError("Connection refused"), OperationalError("the database system is starting up")):
        assert explain(error).reason == "DISK_FULL"
    # Errors with another cause are reported as usual.
    assert explain(pg.DeadlockDetected("x")).reason == "UNAVAILABLE"
    monkeypatch.setattr(disk, "free_bytes", lambda _: disk.MIN_FREE_BYTES)
    assert explain(OperationalError("Connection refused")).message == UNREACHABLE


def test_a_full_disk_and_too_many_open_files_are_reported() -> None:
    for error, reason, words in (
        (OSError(errno.ENOSPC, "No space left on device"), "DISK_FULL", "A disk of the mesh is full"),
        (OSError(errno.EMFILE, "Too many open files"), "UNAVAILABLE", TOO_MANY_FILES),
    ):
        explained = unexpected(error)
        assert explained is not None
        assert explained.reason == reason
        assert explained.message.startswith(words)
    assert unexpected(OSError(errno.EPERM, "no")) is None


def test_a_disk_whose_free_space_is_unknown_is_not_full(tmp_path: Path) -> None:
    disk.watch(str(tmp_path / "nowhere"))
    try:
        assert not disk.is_full()
    finally:
        disk.watch("")
    assert disk.free_bytes(tmp_path) > 0
