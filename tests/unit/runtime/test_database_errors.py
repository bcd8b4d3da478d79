"""What a caller is told when the database fails is true."""

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
        (pg.TooManyConnections("x"), Unavailable, "the database has too many connections; try again"),
        (
            OperationalError("connection failed: FATAL: sorry, too many clients already"),
            Unavailable,
            "the database has too many connections; try again",
        ),
        (pg.QueryCanceled("canceling statement"), DeadlineExceeded, "the database took too long; try again"),
        (pg.DeadlockDetected("x"), Unavailable, "the database was busy with other changes to the same; try again"),
        (OperationalError("FATAL: the database system is starting up"), Unavailable, STARTING),
        (OperationalError("FATAL: the database system is in recovery mode"), Unavailable, STARTING),
        (
            OperationalError('FATAL: password authentication failed for user "x"'),
            Unavailable,
            "the database refuses the credentials of this service",
        ),
        (OperationalError("could not create socket: Too many open files"), Unavailable, TOO_MANY_FILES),
        (NoConnectionFree("QueuePool limit of size 5 overflow 5 reached"), Unavailable, NO_CONNECTION_FREE),
    ],
)
def test_the_reason_is_told_without_what_the_library_says(error: Exception, kind: type, message: str) -> None:
    for raised in (error, AlchemyError("INSERT", {}, error) if not isinstance(error, NoConnectionFree) else error):
        told = explain(raised)
        assert (type(told), told.message) == (kind, message)


def test_a_database_that_a_full_disk_has_ended_is_not_just_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_watched", [tmp_path])
    monkeypatch.setattr(disk, "free_bytes", lambda _: disk.MIN_FREE_BYTES - 1)
    for away in (OperationalError("Connection refused"), OperationalError("the database system is starting up")):
        assert explain(away).reason == "DISK_FULL"
    # What has nothing to do with it is told as ever.
    assert explain(pg.DeadlockDetected("x")).reason == "UNAVAILABLE"
    monkeypatch.setattr(disk, "free_bytes", lambda _: disk.MIN_FREE_BYTES)
    assert explain(OperationalError("Connection refused")).message == UNREACHABLE


def test_the_system_s_own_errors_are_told_too() -> None:
    for error, reason, words in (
        (OSError(errno.ENOSPC, "No space left on device"), "DISK_FULL", "a disk of the mesh is full"),
        (OSError(errno.EMFILE, "Too many open files"), "UNAVAILABLE", TOO_MANY_FILES),
    ):
        told = unexpected(error)
        assert told is not None
        assert told.reason == reason
        assert told.message.startswith(words)
    assert unexpected(OSError(errno.EPERM, "no")) is None


def test_room_that_can_not_be_seen_counts_as_room(tmp_path: Path) -> None:
    disk.watch(str(tmp_path / "nowhere"))
    try:
        assert not disk.is_full()
    finally:
        disk.watch("")
    assert disk.free_bytes(tmp_path) > 0
