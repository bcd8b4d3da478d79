"""Tables as CSV after RFC 4180."""

import csv
import io
from datetime import datetime

from services.experiments.exports.columns import Filled, Kind, Value, moment

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Text that begins so is a formula to spreadsheets, to some in the wide forms too: they would run what somebody else
wrote into a prompt."""


def write(table: Filled) -> bytes:
    """Returns a table as UTF-8, with a header line; nothing is an empty cell, a moment RFC 3339.

    Text that a spreadsheet would take for a formula has an apostrophe before it, which spreadsheets take for the mark
    of text. Numbers are never touched.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    kinds = [column.kind for column in table.columns]
    writer.writerows([_cell(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in table.rows)
    return text.getvalue().encode()


def _cell(value: Value, kind: Kind) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment(value)
    if kind is Kind.FLAG:
        return "true" if value else "false"
    if kind is Kind.REAL:
        return repr(float(value))
    text = str(value)
    return f"'{text}" if kind is Kind.TEXT and text.startswith(FORMULA_STARTS) else text
