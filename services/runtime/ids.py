"""Creates and checks ids."""

import re
import secrets
import time

from services.runtime.errors import FieldViolation, InvalidInput

_TAIL = re.compile(r"[0-9a-f]{32}")


def new_id(prefix: str) -> str:
    """Returns `<prefix>_` and 32 hexadecimal digits. The first 12 digits are the current time in ms.

    So ids sort by their time of creation, which keeps database indexes compact.
    """
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def check_id(value: str, prefix: str, field: str = "id") -> str:
    """Returns the id. Raises InvalidInput if it does not have the form of an id with this prefix."""
    head, _, tail = value.partition("_")
    if head != prefix or not _TAIL.fullmatch(tail):
        raise InvalidInput.of(FieldViolation(field, f"must be {prefix}_ and 32 hexadecimal digits"))
    return value
