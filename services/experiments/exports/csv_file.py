"""Tables as CSV after RFC 4180."""

import csv
import io
import re
from datetime import datetime

from services.experiments.exports.columns import Filled, Kind, Value, moment
from services.runtime.unseen import BLANKS

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


def write(table: Filled) -> bytes:
    """Returns a table as UTF-8, with a header line; nothing is an empty cell, a moment RFC 3339.

    Text that a spreadsheet would take for a formula, also after blanks and after what can't be seen, has an apostrophe
    before it, which spreadsheets take for the mark of text. Numbers are never touched.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    kinds = [column.kind for column in table.columns]
    writer.writerows([_cell(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in table.rows)
    return text.getvalue().encode()


def marked(text: str) -> str:
    """Returns text with an apostrophe wherever a spreadsheet would else begin a formula."""
    blanks = _LEADING.match(text)
    start = blanks.end() if blanks else 0
    inside = _SEPARATOR.sub(lambda found: f"{found[1]}'{found[2]}" if found[2] else found[1], text[start:])
    mark = "'" if _STARTS_FORMULA.match(text) else ""
    return f"{mark}{text[:start]}{inside}"


def _cell(value: Value, kind: Kind) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment(value)
    if kind is Kind.FLAG:
        return "true" if value else "false"
    if kind is Kind.REAL:
        return repr(float(value))
    return marked(str(value)) if kind is Kind.TEXT else str(value)
