"""Selects the bytes to send in response to a GET: RFC 9110, sections 13 (conditions) and 14 (ranges).

A request for several ranges gets the whole representation, as section 14.2 allows. Players request one range only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.runtime.errors import PreconditionFailed, RangeNotSatisfiable

_ENTITY_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
# 18 digits are enough for any size. More digits would only cost time to parse.
_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Selected:
    """The bytes from `start` to `end`, `end` not included, of a representation of `size` bytes."""

    start: int
    end: int
    size: int
    partial: bool = False
    """Whether the client requested a range. Then the response is 206, even if the range covers everything."""

    @property
    def content_range(self) -> str:
        """The value of Content-Range in a partial response."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def select(method: str, headers: Mapping[str, str], etag: str, size: int) -> Selected | None:
    """Returns the bytes to send for a GET or HEAD, or None if the client's copy is current (304).

    `etag` is a strong entity tag with its quotes. A Range is ignored if it can't be parsed (section 14.2), and in a
    HEAD. Raises PreconditionFailed if If-Match does not match, and RangeNotSatisfiable if the range begins at or after
    the end.
    """
    if (wanted := headers.get("if-match")) is not None and not _matches(wanted, etag, weak=False):
        raise PreconditionFailed("If-Match: the audio has changed; fetch it again")
    if (known := headers.get("if-none-match")) is not None and _matches(known, etag, weak=True):
        return None
    whole = Selected(0, size, size)
    if method != "GET" or (requested := headers.get("range")) is None:
        return whole
    # A date never matches, because responses have no Last-Modified.
    if (condition := headers.get("if-range")) is not None and condition.strip() != etag:
        return whole
    return _range(requested, size) or whole


def _range(text: str, size: int) -> Selected | None:
    found = _RANGE.fullmatch(text.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(
            f"Range: must begin before byte {size}, the size of the audio, got {text[:100]!r}", size=str(size)
        )
    return Selected(start, end, size, partial=True)


def _matches(header: str, etag: str, *, weak: bool) -> bool:
    if header.strip() == "*":
        return True
    return any(tag == etag and (weak or not prefix) for prefix, tag in _ENTITY_TAG.findall(header))
