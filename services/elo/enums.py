"""Converts enums between requests and the domain. The names of their values are the same."""

from enum import StrEnum
from typing import Any, TypeVar

from services.runtime.errors import FieldViolation, InvalidInput

E = TypeVar("E", bound=StrEnum)


def enum_of(kind: type[E], names: Any, number: int, field: str) -> E | None:
    """Returns the value of an enum field of a request, None if it is absent.

    `names` is the enum of the proto. Raises InvalidInput if the number has no name there.
    """
    if not number:
        return None
    if number not in names.values():
        raise InvalidInput.of(FieldViolation(field, f"must be one of {', '.join(kind)}"))
    return kind(names.Name(number))


def required(value: E | None, kind: type[E], field: str) -> E:
    """Returns a value that must be present. Raises InvalidInput if it is not."""
    if value is None:
        raise InvalidInput.of(FieldViolation(field, f"must be one of {', '.join(kind)}"))
    return value
