"""Recognises errors of a database that can't be reached, also in a process that has no database."""

import sys


def is_disconnected(error: BaseException) -> bool:
    """Says whether an error is one of `db.DISCONNECTED`.

    It does not import `db`, because SQLAlchemy and psycopg take 30 MB. Without them, no such error can occur.
    """
    if "services.runtime.db" not in sys.modules:
        return False
    from services.runtime.db import DISCONNECTED

    return isinstance(error, DISCONNECTED)
