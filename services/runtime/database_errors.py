"""Converts errors of PostgreSQL to errors for callers, which give the reason but name no host, user or path."""

import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from services.runtime import disk
from services.runtime.errors import TOO_MANY_FILES, ArenaError, DeadlineExceeded, DiskFull, Unavailable

DATABASE_FULL = "The disk of the database is full. Calls work again once it has free space."

UNREACHABLE = "The database can't be reached. Try again."
STARTING = "The database is starting. Try again."
RESTARTING = "The database is restarting. Try again."
NO_CONNECTION_FREE = "All connections to the database are in use. Try again."

_Explanation = tuple[tuple[type[psycopg.Error], ...], tuple[str, ...], type[Unavailable] | type[DeadlineExceeded], str]
# The first entry with a matching class or a matching part of the text is used. The text is needed if connecting failed:
# such an error has no SQLSTATE.
_EXPLANATIONS: tuple[_Explanation, ...] = (
    (
        (pg.TooManyConnections,),
        ("too many clients", "remaining connection slots"),
        Unavailable,
        "The database has too many connections. Try again.",
    ),
    ((pg.QueryCanceled,), (), DeadlineExceeded, "The database took too long. Try again."),
    (
        (pg.SerializationFailure, pg.DeadlockDetected, pg.LockNotAvailable),
        (),
        Unavailable,
        "Another call changed the same data at the same time. Try again.",
    ),
    ((pg.OutOfMemory,), (), Unavailable, "The database has no memory left. Try again."),
    ((pg.CannotConnectNow,), ("starting up", "not yet accepting", "in recovery"), Unavailable, STARTING),
    ((pg.AdminShutdown, pg.CrashShutdown), ("shutting down",), Unavailable, RESTARTING),
    (
        (pg.InvalidPassword, pg.InvalidAuthorizationSpecification),
        ("authentication failed", "pg_hba.conf"),
        Unavailable,
        "The database refuses the credentials of this service",
    ),
    ((pg.InvalidCatalogName,), (), Unavailable, "The database does not exist"),
    ((pg.ReadOnlySqlTransaction,), (), Unavailable, "The database is read-only"),
    ((pg.IoError, pg.SystemError), (), Unavailable, "The database can't use its disk"),
    ((), ("too many open files",), Unavailable, TOO_MANY_FILES),
)


def explain(error: BaseException) -> ArenaError:
    """Returns the error to return to the caller for one of `db.DISCONNECTED`."""
    if isinstance(error, NoConnectionFree):
        return Unavailable(NO_CONNECTION_FREE)
    original: BaseException = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(original, pg.DiskFull) or disk.is_disk_full_error(original):
        return DiskFull(DATABASE_FULL)
    kind, message = _explanation(original)
    # A full disk stops PostgreSQL. It can't start again until the disk has free space.
    if message in (UNREACHABLE, STARTING, RESTARTING) and disk.is_full():
        return DiskFull(DATABASE_FULL)
    return kind(message)


def _explanation(error: BaseException) -> tuple[type[Unavailable] | type[DeadlineExceeded], str]:
    text = str(error).lower()
    for classes, parts, kind, message in _EXPLANATIONS:
        if isinstance(error, classes) or any(part in text for part in parts):
            return kind, message
    return Unavailable, UNREACHABLE
