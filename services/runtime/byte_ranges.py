"""Which bytes of a representation a GET is answered with: RFC 9110, sections 13 (conditions) and 14 (ranges).

A request for several ranges is answered with the whole representation, which section 14.2 allows: no player asks for
more than one range, and a reply of several parts costs more than it saves.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.runtime.errors import PreconditionFailed, RangeNotSatisfiable

_ENTITY_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
# A position beyond any size; what has more digits only costs time to read.
_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Selected:
    """Bytes `start` to `end`, without the last, of a representation of `size` bytes."""

    start: int
    end: int
    size: int
    partial: bool = False
    """Whether the client asked for a range: the answer is 206 then, even if the range covers everything."""

    @property
    def content_range(self) -> str:
        """The value of Content-Range for a partial answer."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def select(method: str, headers: Mapping[str, str], etag: str, size: int) -> Selected | None:
    """Returns what to answer a GET or HEAD with, None if the client has it already (304).

    `etag` is a strong entity tag with its quotes. Raises PreconditionFailed if If-Match excludes it, and
    RangeNotSatisfiable if the range begins at or after the end. A Range that can't be read is ignored, as section 14.2
    says; so is one of a HEAD.
    """
    if (wanted := headers.get("if-match")) is not None and not _matches(wanted, etag, weak=False):
        raise PreconditionFailed("If-Match: the audio is not the one that it names; fetch it anew")
    if (known := headers.get("if-none-match")) is not None and _matches(known, etag, weak=True):
        return None
    whole = Selected(0, size, size)
    if method != "GET" or (wished := headers.get("range")) is None:
        return whole
    # A date never matches: nothing here has a Last-Modified.
    if (condition := headers.get("if-range")) is not None and condition.strip() != etag:
        return whole
    return _range(wished, size) or whole


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
            f"Range: the audio has {size} bytes, and none of them is in {text[:100]!r}", size=str(size)
        )
    return Selected(start, end, size, partial=True)


def _matches(header: str, etag: str, *, weak: bool) -> bool:
    if header.strip() == "*":
        return True
    return any(tag == etag and (weak or not prefix) for prefix, tag in _ENTITY_TAG.findall(header))
