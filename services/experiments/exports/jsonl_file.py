"""Tables as lines of JSON."""

import json
import math
from datetime import datetime
from typing import Any

from services.experiments.exports.columns import Filled, Value, moment

_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""What ends a line to some readers of lines, and which JSON allows as it is. It stands in strings only."""


def write(table: Filled) -> bytes:
    """Returns a table as UTF-8, an object with every column on each line; nothing is null, a moment RFC 3339."""
    names = [column.name for column in table.columns]
    lines = (
        json.dumps(dict(zip(names, map(_cell, row), strict=True)), ensure_ascii=False, separators=(",", ":"))
        for row in table.rows
    )
    return "".join(f"{line.translate(_LINE_ENDS)}\n" for line in lines).encode()


def _cell(value: Value) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    # JSON has no word for these.
    return None if isinstance(value, float) and not math.isfinite(value) else value
