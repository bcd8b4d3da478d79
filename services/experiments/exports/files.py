"""A table as a file: CSV after RFC 4180, lines of JSON, or Apache Parquet."""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.experiments.exports.columns import Filled, Kind, Value, moment
from services.runtime.outside_text import BLANKS

BYTE_ORDER_MARK = "\ufeff".encode()
"""By which spreadsheets know UTF-8; without it Excel reads the code page of its machine."""

_FORMULA = "[=+\\-@＝＋－＠﹦﹢﹣﹫]"
"""Text that begins so is a formula to spreadsheets, to some in the wide and small forms too: they would run what
somebody else wrote into a prompt."""
_STARTS_FORMULA = re.compile(rf"[\t\r\n]|{BLANKS}{_FORMULA}")
_LEADING = re.compile(BLANKS)
_SEPARATOR = re.compile(rf"([;|\t\r\n]{BLANKS})({_FORMULA}?)")
"""A spreadsheet whose separator is the semicolon or the tab does not see the quotes around a cell of a line with
commas, and begins a new cell in the middle of it."""
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""What ends a line to some readers of lines, and which JSON allows as it is. It stands in strings only."""


def write_csv(table: Filled) -> bytes:
    """Returns a table as UTF-8, with a header line; nothing is an empty cell, a moment RFC 3339.

    Text that a spreadsheet would take for a formula, also after blanks and after what can't be seen, has an apostrophe
    before it, which spreadsheets take for the mark of text. Numbers are never touched.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    kinds = [column.kind for column in table.columns]
    writer.writerows([_csv_cell(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in table.rows)
    return text.getvalue().encode()


def marked(text: str) -> str:
    """Returns text with an apostrophe wherever a spreadsheet would else begin a formula."""
    blanks = _LEADING.match(text)
    start = blanks.end() if blanks else 0
    inside = _SEPARATOR.sub(lambda found: f"{found[1]}'{found[2]}" if found[2] else found[1], text[start:])
    mark = "'" if _STARTS_FORMULA.match(text) else ""
    return f"{mark}{text[:start]}{inside}"


def _csv_cell(value: Value, kind: Kind) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment(value)
    if kind is Kind.FLAG:
        return "true" if value else "false"
    if kind is Kind.REAL:
        return repr(float(value))
    return marked(str(value)) if kind is Kind.TEXT else str(value)


def write_jsonl(table: Filled) -> bytes:
    """Returns a table as UTF-8, an object with every column on each line; nothing is null, a moment RFC 3339."""
    names = [column.name for column in table.columns]
    lines = (
        json.dumps(dict(zip(names, map(_json_cell, row), strict=True)), ensure_ascii=False, separators=(",", ":"))
        for row in table.rows
    )
    return "".join(f"{line.translate(_LINE_ENDS)}\n" for line in lines).encode()


def _json_cell(value: Value) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    # JSON has no word for these.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_parquet(table: Filled) -> bytes:
    """Returns a table with typed columns, moments as UTC in microseconds, and its metadata in that of the schema."""
    # It takes 30 MB and a tenth of a second, which only those who export Parquet are to pay for.
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        Kind.TEXT: pa.string(),
        Kind.INTEGER: pa.int64(),
        Kind.REAL: pa.float64(),
        Kind.FLAG: pa.bool_(),
        Kind.MOMENT: pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(column.name, types[column.kind]) for column in table.columns], metadata=table.metadata)
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.columns)
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
    written = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), written, compression="zstd")
    pa.default_memory_pool().release_unused()
    return written.getvalue()


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file."""

    content_type: str
    write: Callable[[Filled], bytes]
    byte_order_mark: bytes = b""


FORMATS: Mapping[str, Format] = {
    "csv": Format("text/csv; charset=utf-8", write_csv, BYTE_ORDER_MARK),
    "parquet": Format("application/vnd.apache.parquet", write_parquet),
    "jsonl": Format("application/x-ndjson", write_jsonl),
}
"""By the names of the wire, which are the extensions of file names too."""
