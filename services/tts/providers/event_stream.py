"""Reads server-sent events as the WHATWG standard says (HTML, 9.2.6 Interpreting an event stream)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event with data."""

    name: str
    """`message` if the server sent no name."""
    data: bytes


class EventStream:
    """Takes a stream in pieces and returns its events. An incomplete event at the end of the stream is dropped.

    `size` is the number of bytes of the incomplete event so far.
    """

    def __init__(self) -> None:
        self.size = 0
        self._begun = False
        self._rest = bytearray()
        self._searched = 0
        self._after_cr = False
        self._name = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[ServerSentEvent]:
        """Yields the events that this piece completes."""
        if self._after_cr and piece:
            # The CR at the end of the last piece has ended its line. A LF here belongs to it.
            piece, self._after_cr = piece.removeprefix(b"\n"), False
        self._rest += piece
        self.size += len(piece)
        if not self._begun:
            if _BOM.startswith(bytes(self._rest[:4])):
                return
            self._rest, self._begun = self._rest.removeprefix(_BOM), True
        at, searched = 0, self._searched
        while match := _LINE_END.search(self._rest, searched):
            line = bytes(self._rest[at : match.start()])
            at = searched = match.end()
            if match[0] == b"\r" and at == len(self._rest):
                self._after_cr = True
            event = self._line(line)
            if not line:
                self.size = len(self._rest) - at
            if event is not None:
                yield event
        del self._rest[:at]
        self._searched = len(self._rest)

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if not line:
            name, data = self._name.decode(errors="replace") or "message", self._data
            self._name, self._data = b"", []
            return ServerSentEvent(name, b"\n".join(data)) if data else None
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value
        return None
