"""Writes a table as a file: CSV (RFC 4180), JSON Lines, or Apache Parquet."""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.experiments.exports.columns import ColumnType, DataTable, Value, rfc3339
from services.runtime.outside_text import BLANKS

BYTE_ORDER_MARK = "\ufeff".encode()
"""Tells spreadsheets that a file is UTF-8. Without it, Excel uses the code page of the computer."""

_FORMULA = "[=+\\-@＝＋－＠﹦﹢﹣﹫]"
"""Spreadsheets run text that begins with one of these characters as a formula, some also in the wide and small forms.
A prompt written by somebody else could then run in the reader's spreadsheet."""
_STARTS_FORMULA = re.compile(rf"[\t\r\n]|{BLANKS}{_FORMULA}")
_LEADING = re.compile(BLANKS)
_SEPARATOR = re.compile(rf"([;|\t\r\n]{BLANKS})({_FORMULA}?)")
"""A spreadsheet that separates cells by semicolons or tabs ignores the quotes of a CSV with commas. It can begin a new
cell in the middle of a quoted one."""
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""Characters that some programs read as a line end but JSON allows unescaped. They occur in strings only."""


def write_csv(table: DataTable) -> bytes:
    """Returns a table as UTF-8 CSV with a header line. None is an empty cell, timestamps are RFC 3339.

    Text that a spreadsheet would run as a formula, also after blanks and invisible characters, gets an apostrophe in
    front, which marks it as text. Numbers are never changed.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    types = [column.type for column in table.columns]
    writer.writerows([_csv_cell(value, type_) for value, type_ in zip(row, types, strict=True)] for row in table.rows)
    return text.getvalue().encode()


def escape_formulas(text: str) -> str:
    """Returns text with an apostrophe at every place where a spreadsheet would begin a formula."""
    blanks = _LEADING.match(text)
    start = blanks.end() if blanks else 0
    inside = _SEPARATOR.sub(lambda found: f"{found[1]}'{found[2]}" if found[2] else found[1], text[start:])
    mark = "'" if _STARTS_FORMULA.match(text) else ""
    return f"{mark}{text[:start]}{inside}"


def _csv_cell(value: Value, type_: ColumnType) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return rfc3339(value)
    if type_ is ColumnType.BOOLEAN:
        return "true" if value else "false"
    if type_ is ColumnType.FLOAT:
        return repr(float(value))
    return escape_formulas(str(value)) if type_ is ColumnType.TEXT else str(value)


def write_jsonl(table: DataTable) -> bytes:
    """Returns a table as UTF-8 JSON Lines, one object per row with every column. Timestamps are RFC 3339."""
    names = [column.name for column in table.columns]
    lines = (
        json.dumps(dict(zip(names, map(_json_cell, row), strict=True)), ensure_ascii=False, separators=(",", ":"))
        for row in table.rows
    )
    return "".join(f"{line.translate(_LINE_ENDS)}\n" for line in lines).encode()


def _json_cell(value: Value) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    # JSON has no infinity and no NaN.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_parquet(table: DataTable) -> bytes:
    """Returns a table as Parquet with typed columns. Timestamps are UTC in microseconds.

    The metadata of the table is in the schema.
    """
    # The import needs 30 MB and 0.1 seconds, so it happens only for Parquet exports.
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        ColumnType.TEXT: pa.string(),
        ColumnType.INTEGER: pa.int64(),
        ColumnType.FLOAT: pa.float64(),
        ColumnType.BOOLEAN: pa.bool_(),
        ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(column.name, types[column.type]) for column in table.columns], metadata=table.metadata)
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.columns)
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
    written = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), written, compression="zstd")
    pa.default_memory_pool().release_unused()
    return written.getvalue()


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format."""

    content_type: str
    write: Callable[[DataTable], bytes]
    byte_order_mark: bytes = b""


FORMATS: Mapping[str, FileFormat] = {
    "csv": FileFormat("text/csv; charset=utf-8", write_csv, BYTE_ORDER_MARK),
    "parquet": FileFormat("application/vnd.apache.parquet", write_parquet),
    "jsonl": FileFormat("application/x-ndjson", write_jsonl),
}
"""The formats by their names in the API, which are also the file extensions."""
