"""What a caller is told when PostgreSQL fails: the true reason, in words that name no host, user or path."""

import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from services.runtime import disk
from services.runtime.errors import TOO_MANY_FILES, ArenaError, DeadlineExceeded, DiskFull, Unavailable

DATABASE_FULL = "the disk of the database is full; it goes on once there is room again"

UNREACHABLE = "the database can't be reached; try again"
STARTING = "the database is starting; try again"
RESTARTING = "the database is restarting; try again"
NO_CONNECTION_FREE = "all connections to the database are in use; try again"

_Known = tuple[tuple[type[psycopg.Error], ...], tuple[str, ...], type[Unavailable] | type[DeadlineExceeded], str]
# The first whose class or whose words fit. Words are looked at where no connection came about, which has no SQLSTATE.
_KNOWN: tuple[_Known, ...] = (
    (
        (pg.TooManyConnections,),
        ("too many clients", "remaining connection slots"),
        Unavailable,
        "the database has too many connections; try again",
    ),
    ((pg.QueryCanceled,), (), DeadlineExceeded, "the database took too long; try again"),
    (
        (pg.SerializationFailure, pg.DeadlockDetected, pg.LockNotAvailable),
        (),
        Unavailable,
        "the database was busy with other changes to the same; try again",
    ),
    ((pg.OutOfMemory,), (), Unavailable, "the database has no memory left; try again"),
    ((pg.CannotConnectNow,), ("starting up", "not yet accepting", "in recovery"), Unavailable, STARTING),
    ((pg.AdminShutdown, pg.CrashShutdown), ("shutting down",), Unavailable, RESTARTING),
    (
        (pg.InvalidPassword, pg.InvalidAuthorizationSpecification),
        ("authentication failed", "pg_hba.conf"),
        Unavailable,
        "the database refuses the credentials of this service",
    ),
    ((pg.InvalidCatalogName,), (), Unavailable, "the database is not there"),
    ((pg.ReadOnlySqlTransaction,), (), Unavailable, "the database is read-only"),
    ((pg.IoError, pg.SystemError), (), Unavailable, "the database can't use its disk"),
    ((), ("too many open files",), Unavailable, TOO_MANY_FILES),
)


def explain(error: BaseException) -> ArenaError:
    """Returns the error to answer with for one of `db.DISCONNECTED`."""
    if isinstance(error, NoConnectionFree):
        return Unavailable(NO_CONNECTION_FREE)
    original: BaseException = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(original, pg.DiskFull) or disk.says_full(original):
        return DiskFull(DATABASE_FULL)
    kind, message = _known(original)
    # A full disk ends PostgreSQL, which can't start again before there is room.
    if message in (UNREACHABLE, STARTING, RESTARTING) and disk.is_full():
        return DiskFull(DATABASE_FULL)
    return kind(message)


def _known(error: BaseException) -> tuple[type[Unavailable] | type[DeadlineExceeded], str]:
    text = str(error).lower()
    for kinds, words, kind, message in _KNOWN:
        if isinstance(error, kinds) or any(word in text for word in words):
            return kind, message
    return Unavailable, UNREACHABLE
