"""What a table of an export is made of: typed columns, each with where its value comes from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

Value = str | int | float | bool | datetime | None


class Kind(Enum):
    """The type of a column; each may hold nothing."""

    TEXT = auto()
    INTEGER = auto()
    REAL = auto()
    FLAG = auto()
    MOMENT = auto()
    """A datetime in UTC."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    kind: Kind
    value: Callable[[Any], Value]
    """Takes a row's object to the cell, None for an empty one."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A table with its rows."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    """A value for each column."""
    metadata: dict[str, str]
    """What is true of the whole table; kept where a kind of file has a place for it."""


def fill(columns: Sequence[Column], objects: Sequence[Any], metadata: dict[str, str]) -> Filled:
    """Returns a table of the objects, a row for each."""
    rows = [[column.value(each) for column in columns] for each in objects]
    return Filled(columns, rows, metadata)


def moment(value: datetime) -> str:
    """Returns a moment in UTC as RFC 3339 has it, and the API."""
    timestamp = Timestamp()
    timestamp.FromDatetime(value.astimezone(UTC))
    return timestamp.ToJsonString()
