"""Reads a `multipart/form-data` body while it arrives: small fields, and one file that is never held in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.runtime.errors import FieldViolation, InvalidInput, RequestTooLarge

MAX_FIELDS_BYTES = 2 * 1024 * 1024
"""All fields together: a reference text of the largest size, in any encoding, and the rest."""
MAX_PARTS = 1000
MEDIA_TYPE = "multipart/form-data"


def boundary_of(content_type: str) -> bytes:
    """Returns the boundary in a content type. Raises InvalidInput if it has none."""
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary:
        raise _malformed("its content type has no boundary")
    return boundary


class Multipart:
    """The parts of one body. Call `begin`, then read `pieces` to the end. Only then are all fields known."""

    def __init__(self, boundary: bytes, body: AsyncGenerator[bytes, None], file_name: str) -> None:
        self.fields: dict[str, list[str]] = {}
        """The values of each field, in the order of the body."""
        self._file_name = file_name
        self._parts = _Parts(boundary, body)
        self._events = self._parts.events()

    async def begin(self) -> None:
        """Reads the fields before the file. Raises InvalidInput if the body has no file of this name."""
        if not await self._next_file():
            description = f"must be a part of the body with the name {self._file_name}"
            raise InvalidInput.of(FieldViolation(self._file_name, description))

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yields the file, then reads the fields after it."""
        async for event in self._events:
            if event is _END:
                break
            yield event
        if await self._next_file():
            raise InvalidInput.of(FieldViolation(self._file_name, "must be given once"))

    async def _next_file(self) -> bool:
        """Reads fields until the file begins. Returns False at the end of the body."""
        name, value = "", bytearray()
        async for event in self._events:
            if isinstance(event, str):
                name, value = event, bytearray()
                if name == self._file_name:
                    return True
            elif event is _END:
                self.fields.setdefault(name, []).append(_text(name, value))
            else:
                value += event
                self._parts.count_field_bytes(len(event))
        return False


_END = object()
"""The event at the end of a part. A text is the name of a part that begins, and bytes are a piece of its content."""


class _Parts:
    """The parser with its callbacks, which only collect events."""

    def __init__(self, boundary: bytes, body: AsyncGenerator[bytes, None]) -> None:
        self._body = body
        self._found: deque[Any] = deque()
        self._header = [bytearray(), bytearray()]
        self._disposition = b""
        self._count = self._field_bytes = 0
        self._complete = False
        callbacks: dict[str, Callable[..., None]] = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": lambda data, start, end: self._found.append(bytes(data[start:end])),
            "on_part_end": lambda: self._found.append(_END),
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except FormParserError:
            raise _malformed("its boundary is too long") from None

    async def events(self) -> AsyncIterator[Any]:
        """Yields what the parser finds. Raises InvalidInput if the body is malformed or incomplete."""
        async with aclosing(self._body):
            async for chunk in self._body:
                try:
                    self._parser.write(chunk)
                except FormParserError:
                    raise _malformed("it is not divided into parts as its content type says") from None
                while self._found:
                    yield self._found.popleft()
        if not self._complete:
            raise _malformed("it ends before its last boundary")

    def count_field_bytes(self, size: int) -> None:
        """Raises RequestTooLarge if the fields are too large together."""
        self._field_bytes += size
        if self._field_bytes > MAX_FIELDS_BYTES:
            raise RequestTooLarge(f"the fields beside the recording must have at most {MAX_FIELDS_BYTES // 2**20} MiB")

    def _begin(self) -> None:
        self._disposition = b""
        self._count += 1
        if self._count > MAX_PARTS:
            raise _malformed(f"it has more than {MAX_PARTS} parts")

    def _end_header(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            self._disposition = bytes(value)
        self._header = [bytearray(), bytearray()]

    def _begin_content(self) -> None:
        name = parse_options_header(self._disposition)[1].get(b"name", b"")
        if not name:
            raise _malformed("a part has no name")
        self._found.append(_text("the name of a part", bytearray(name)))

    def _end(self) -> None:
        self._complete = True


def _text(field: str, value: bytearray) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidInput.of(FieldViolation(field, "must be text in UTF-8")) from None


def _malformed(why: str) -> InvalidInput:
    return InvalidInput.of(FieldViolation("", f"the body must be {MEDIA_TYPE}: {why}"))
