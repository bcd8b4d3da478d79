"""Tables of an export: typed columns, and rows of values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

Value = str | int | float | bool | datetime | None


class ColumnType(Enum):
    """The type of a column. Every cell can be empty."""

    TEXT = auto()
    INTEGER = auto()
    FLOAT = auto()
    BOOLEAN = auto()
    TIMESTAMP = auto()
    """A datetime in UTC."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export."""

    name: str
    type: ColumnType
    value: Callable[[Any], Value]
    """Returns the cell for the object of a row, None for an empty cell."""


@dataclass(frozen=True, slots=True)
class DataTable:
    """Columns and their rows."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    """One value for each column."""
    metadata: dict[str, str]
    """Facts about the whole table. Only Parquet files contain them."""


def make_table(columns: Sequence[Column], objects: Sequence[Any], metadata: dict[str, str]) -> DataTable:
    """Returns a table with one row for each object."""
    rows = [[column.value(each) for column in columns] for each in objects]
    return DataTable(columns, rows, metadata)


def rfc3339(value: datetime) -> str:
    """Returns a timestamp in UTC in the format of RFC 3339, with the same digits as in the API."""
    timestamp = Timestamp()
    timestamp.FromDatetime(value.astimezone(UTC))
    return timestamp.ToJsonString()
